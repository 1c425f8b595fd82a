import { connect } from 'node:net'
import { sign } from 'aws4'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startReceivers } from './index.ts'
import type { Delivery, Receivers } from './index.ts'

let receivers: Receivers

beforeAll(async () => {
  const started = await startReceivers({ pagerduty: ['devops'], slack: ['alerts'], now: Date.now })
  if (started.state === 'missing') throw new Error(started.reason)
  receivers = started.receivers
})
afterAll(async () => receivers.stop())

const last = (): Delivery | undefined => receivers.received().at(-1)

describe('the PagerDuty receiver', () => {
  const post = async (change: object): Promise<{ status: number; body: string }> => {
    const { url, routingKeys } = receivers.addresses.pagerduty
    const event = {
      routing_key: routingKeys['devops'],
      event_action: 'trigger',
      dedup_key: 'one',
      payload: { summary: 'it is slow', source: 'vigil', severity: 'critical' },
      ...change,
    }
    const answer = await fetch(url, { method: 'POST', body: JSON.stringify(event) })
    return { status: answer.status, body: await answer.text() }
  }

  it('accepts an event and records its service', async () => {
    expect(await post({})).toMatchObject({ status: 202, body: expect.stringContaining('"dedup_key":"one"') })
    expect(last()).toMatchObject({
      via: 'pagerduty',
      address: 'devops',
      status: 'firing',
      title: 'it is slow',
      dedupKey: 'one',
      response: { state: 'ok' },
    })
    expect((await post({ event_action: 'resolve', payload: undefined })).status).toBe(202)
    expect(last()).toMatchObject({ status: 'resolved', dedupKey: 'one' })
  })

  it.each([
    ['no routing key', { routing_key: undefined }, 'routing_key'],
    ['a routing key of the wrong length', { routing_key: 'short' }, 'routing_key'],
    ['an unknown routing key', { routing_key: 'x'.repeat(32) }, 'not the key of an integration'],
    ['an unknown action', { event_action: 'open' }, 'event_action'],
    ['no payload', { payload: undefined }, 'payload'],
    ['no summary', { payload: { summary: '', source: 'vigil', severity: 'critical' } }, 'payload.summary'],
    ['no source', { payload: { summary: 'x', severity: 'critical' } }, 'payload.source'],
    [
      'a severity that PagerDuty does not have',
      { payload: { summary: 'x', source: 'vigil', severity: 'high' } },
      'payload.severity',
    ],
    [
      'a resolution without its incident',
      { event_action: 'resolve', dedup_key: undefined, payload: undefined },
      'dedup_key',
    ],
  ])('rejects %s', async (_, change, reason) => {
    expect(await post(change)).toMatchObject({ status: 400, body: expect.stringContaining(reason) })
    expect(last()?.response).toMatchObject({
      state: 'invalid',
      status: 400,
      reason: expect.stringContaining(reason),
    })
  })
})

describe('the Slack receiver', () => {
  const post = async (url: string, body: string, type = 'application/json'): Promise<[number, string]> => {
    const answer = await fetch(url, { method: 'POST', headers: { 'content-type': type }, body })
    return [answer.status, await answer.text()]
  }
  const url = (): string => receivers.addresses.slack.urls['alerts'] ?? ''

  it('accepts a message and records its channel', async () => {
    expect(
      await post(url(), JSON.stringify({ attachments: [{ title: '[RESOLVED] slow', text: 'over' }] })),
    ).toEqual([200, 'ok'])
    expect(last()).toMatchObject({
      via: 'slack',
      address: 'alerts',
      status: 'resolved',
      title: '[RESOLVED] slow',
    })
  })

  it.each([
    ['a body that is not JSON', '{', 'application/json', 400, 'invalid_payload'],
    ['JSON with another content type', '{"text":"x"}', 'text/plain', 400, 'invalid_payload'],
    ['a message without text', '{}', 'application/json', 400, 'no_text'],
  ])('rejects %s', async (_, body, type, status, reason) => {
    expect(await post(url(), body, type)).toEqual([status, reason])
    expect(last()).toMatchObject({ address: 'alerts', response: { state: 'invalid', reason } })
  })

  it('rejects an unknown webhook', async () => {
    expect(await post(`${url()}x`, '{"text":"x"}')).toEqual([404, 'no_service'])
    expect(last()).toMatchObject({ address: '?', response: { state: 'invalid', status: 404 } })
  })
})

describe('the SNS receiver', () => {
  const publish = async (
    form: Record<string, string>,
    change: { secret?: string; unsigned?: boolean; after?: string } = {},
  ): Promise<[number, string]> => {
    const { url, secretAccessKey, ...account } = receivers.addresses.sns
    const body = new URLSearchParams(form).toString()
    const signed = sign(
      { method: 'POST', host: new URL(url).host, path: '/', body, service: 'sns', region: account.region },
      { ...account, secretAccessKey: change.secret ?? secretAccessKey },
    )
    const headers = { ...(signed.headers as Record<string, string>) }
    delete headers['Content-Length']
    delete headers['Host']
    if (change.unsigned) delete headers['Authorization']
    const answer = await fetch(url, { method: 'POST', headers, body: body + (change.after ?? '') })
    return [answer.status, await answer.text()]
  }
  const good = { Action: 'Publish', PhoneNumber: '+4915112345678', Message: 'FIRING: it is down' }

  it('accepts a signed message', async () => {
    expect(await publish(good)).toMatchObject([200, expect.stringContaining('<MessageId>')])
    expect(last()).toMatchObject({
      via: 'sms',
      address: '+4915112345678',
      status: 'firing',
      text: 'FIRING: it is down',
      response: { state: 'ok' },
    })
  })

  it.each([
    ['an unsigned request', good, { unsigned: true }, 403, 'MissingAuthenticationToken'],
    ['a signature by another secret', good, { secret: 'wrong' }, 403, 'SignatureDoesNotMatch'],
    ['a body changed after signing', good, { after: '&Subject=x' }, 403, 'SignatureDoesNotMatch'],
    ['a message without a recipient', { Action: 'Publish', Message: 'x' }, {}, 400, 'InvalidParameter'],
    ['an invalid telephone number', { ...good, PhoneNumber: '0151' }, {}, 400, 'InvalidParameter'],
    ['an empty message', { ...good, Message: '' }, {}, 400, 'InvalidParameter'],
    ['a subject of two lines', { ...good, Subject: 'a\nb' }, {}, 400, 'InvalidParameter'],
  ])('rejects %s', async (_, form, change, status, code) => {
    expect(await publish(form, change)).toMatchObject([
      status,
      expect.stringContaining(`<Code>${code}</Code>`),
    ])
    expect(last()?.response).toMatchObject({
      state: 'invalid',
      status,
      reason: expect.stringContaining(code),
    })
  })
})

describe('the mail receiver', () => {
  it('accepts mail after a login, and records one delivery for each recipient', async () => {
    const { user, password } = receivers.addresses.smtp
    const login = Buffer.from(`\0${user}\0${password}`).toString('base64')
    const mail = [
      'From: a@example.org',
      'Subject: [RESOLVED] it was slow',
      'Content-Type: text/plain',
      '',
      'over',
      '.',
    ].join('\r\n')
    expect(
      await converse([
        'EHLO me',
        `AUTH PLAIN ${login}`,
        'MAIL FROM:<a@example.org>',
        'RCPT TO:<b@example.org>',
        'RCPT TO:<c@example.org>',
        'DATA',
        mail,
        'QUIT',
      ]),
    ).toEqual(['250', '235', '250', '250', '250', '354', '250', '221'])
    expect(receivers.received().slice(-2)).toMatchObject([
      {
        via: 'email',
        address: 'b@example.org',
        status: 'resolved',
        title: '[RESOLVED] it was slow',
        text: expect.stringContaining('over'),
      },
      { via: 'email', address: 'c@example.org' },
    ])
  })

  it('rejects mail without a login and after a failed one, and records the failed one', async () => {
    expect(await converse(['EHLO me', 'MAIL FROM:<a@example.org>', 'QUIT'])).toEqual(['250', '530', '221'])
    expect(
      await converse(['EHLO me', `AUTH PLAIN ${Buffer.from('\0vigil\0wrong').toString('base64')}`, 'QUIT']),
    ).toEqual(['250', '535', '221'])
    expect(last()).toMatchObject({ via: 'email', response: { state: 'invalid', status: 535 } })
  })
})

describe('optional libraries', () => {
  it('names the packages to install when they are missing', async () => {
    const notInstalled = async (): Promise<never> => Promise.reject(new Error('ERR_MODULE_NOT_FOUND'))
    const load = { aws4: notInstalled, 'smtp-server': notInstalled, 'postal-mime': notInstalled }
    expect(await startReceivers({ pagerduty: [], slack: [], now: Date.now, load })).toEqual({
      state: 'missing',
      reason:
        'the notification receivers need packages that are not installed: run npm install ' +
        'aws4 postal-mime smtp-server',
    })
  })
})

/** Sends each line after the reply to the one before it. Returns the codes of the replies. */
async function converse(lines: readonly string[]): Promise<string[]> {
  const socket = connect(receivers.addresses.smtp.port, receivers.addresses.smtp.host)
  const codes: string[] = []
  let pending = ''
  const left = [...lines]
  for await (const chunk of socket.setEncoding('utf8')) {
    pending += String(chunk)
    // The last line of a reply has a space after its code.
    const answer = /^(\d{3}) .*\r\n$/m.exec(pending)
    if (!answer?.[1]) continue
    pending = ''
    codes.push(answer[1])
    const next = left.shift()
    if (next !== undefined) socket.write(`${next}\r\n`)
  }
  return codes.slice(1)
}
