import { connect } from 'node:net'
import { sign } from 'aws4'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startSinks } from './index.ts'
import type { Received, Sinks } from './index.ts'

let sinks: Sinks

beforeAll(async () => {
  sinks = await startSinks({ pagerduty: ['devops'], slack: ['alerts'], now: Date.now })
})
afterAll(async () => sinks.stop())

const last = (): Received | undefined => sinks.received().at(-1)

describe('a PagerDuty that is not one', () => {
  const post = async (change: object): Promise<{ status: number; body: string }> => {
    const { url, routingKeys } = sinks.addresses.pagerduty
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

  it('takes an event and tells whose it is', async () => {
    expect(await post({})).toMatchObject({ status: 202, body: expect.stringContaining('"dedup_key":"one"') })
    expect(last()).toMatchObject({
      via: 'pagerduty',
      address: 'devops',
      tells: 'firing',
      title: 'it is slow',
      dedupKey: 'one',
      answer: { state: 'accepted' },
    })
    expect((await post({ event_action: 'resolve', payload: undefined })).status).toBe(202)
    expect(last()).toMatchObject({ tells: 'resolved', dedupKey: 'one' })
  })

  it.each([
    ['no routing key', { routing_key: undefined }, 'routing_key'],
    ['a routing key of the wrong length', { routing_key: 'short' }, 'routing_key'],
    ['a routing key that nobody has', { routing_key: 'x'.repeat(32) }, 'no key of an integration'],
    ['an unknown action', { event_action: 'open' }, 'event_action'],
    ['no payload', { payload: undefined }, 'payload'],
    ['no summary', { payload: { summary: '', source: 'vigil', severity: 'critical' } }, 'payload.summary'],
    ['no source', { payload: { summary: 'x', severity: 'critical' } }, 'payload.source'],
    [
      'a severity of ours',
      { payload: { summary: 'x', source: 'vigil', severity: 'high' } },
      'payload.severity',
    ],
    [
      'an end without its incident',
      { event_action: 'resolve', dedup_key: undefined, payload: undefined },
      'dedup_key',
    ],
  ])('refuses %s', async (_, change, reason) => {
    expect(await post(change)).toMatchObject({ status: 400, body: expect.stringContaining(reason) })
    expect(last()?.answer).toMatchObject({
      state: 'refused',
      status: 400,
      reason: expect.stringContaining(reason),
    })
  })
})

describe('a Slack that is not one', () => {
  const post = async (url: string, body: string, type = 'application/json'): Promise<[number, string]> => {
    const answer = await fetch(url, { method: 'POST', headers: { 'content-type': type }, body })
    return [answer.status, await answer.text()]
  }
  const url = (): string => sinks.addresses.slack.urls['alerts'] ?? ''

  it('takes a message and tells which channel it is for', async () => {
    expect(
      await post(url(), JSON.stringify({ attachments: [{ title: '[RESOLVED] slow', text: 'over' }] })),
    ).toEqual([200, 'ok'])
    expect(last()).toMatchObject({
      via: 'slack',
      address: 'alerts',
      tells: 'resolved',
      title: '[RESOLVED] slow',
    })
  })

  it.each([
    ['what is no JSON', '{', 'application/json', 400, 'invalid_payload'],
    ['JSON under another name', '{"text":"x"}', 'text/plain', 400, 'invalid_payload'],
    ['a message that says nothing', '{}', 'application/json', 400, 'no_text'],
  ])('refuses %s', async (_, body, type, status, reason) => {
    expect(await post(url(), body, type)).toEqual([status, reason])
    expect(last()).toMatchObject({ address: 'alerts', answer: { state: 'refused', reason } })
  })

  it('knows no other webhook', async () => {
    expect(await post(`${url()}x`, '{"text":"x"}')).toEqual([404, 'no_service'])
    expect(last()).toMatchObject({ address: '?', answer: { state: 'refused', status: 404 } })
  })
})

describe('an SNS that is not one', () => {
  const publish = async (
    form: Record<string, string>,
    change: { secret?: string; unsigned?: boolean; after?: string } = {},
  ): Promise<[number, string]> => {
    const { url, secretAccessKey, ...account } = sinks.addresses.sns
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

  it('takes a signed message', async () => {
    expect(await publish(good)).toMatchObject([200, expect.stringContaining('<MessageId>')])
    expect(last()).toMatchObject({
      via: 'sms',
      address: '+4915112345678',
      tells: 'firing',
      text: 'FIRING: it is down',
      answer: { state: 'accepted' },
    })
  })

  it.each([
    ['an unsigned request', good, { unsigned: true }, 403, 'MissingAuthenticationToken'],
    ['a signature by another secret', good, { secret: 'wrong' }, 403, 'SignatureDoesNotMatch'],
    [
      'a body that was changed after it was signed',
      good,
      { after: '&Subject=x' },
      403,
      'SignatureDoesNotMatch',
    ],
    ['a message for nobody', { Action: 'Publish', Message: 'x' }, {}, 400, 'InvalidParameter'],
    ['a number that is none', { ...good, PhoneNumber: '0151' }, {}, 400, 'InvalidParameter'],
    ['an empty message', { ...good, Message: '' }, {}, 400, 'InvalidParameter'],
    ['a subject of two lines', { ...good, Subject: 'a\nb' }, {}, 400, 'InvalidParameter'],
  ])('refuses %s', async (_, form, change, status, code) => {
    expect(await publish(form, change)).toMatchObject([
      status,
      expect.stringContaining(`<Code>${code}</Code>`),
    ])
    expect(last()?.answer).toMatchObject({ state: 'refused', status, reason: expect.stringContaining(code) })
  })
})

describe('a mail server of its own', () => {
  it('takes mail from whoever logs in, one delivery for each recipient', async () => {
    const { user, password } = sinks.addresses.smtp
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
    expect(sinks.received().slice(-2)).toMatchObject([
      {
        via: 'email',
        address: 'b@example.org',
        tells: 'resolved',
        title: '[RESOLVED] it was slow',
        text: expect.stringContaining('over'),
      },
      { via: 'email', address: 'c@example.org' },
    ])
  })

  it('takes none without a login, nor with a wrong one, and keeps that', async () => {
    expect(await converse(['EHLO me', 'MAIL FROM:<a@example.org>', 'QUIT'])).toEqual(['250', '530', '221'])
    expect(
      await converse(['EHLO me', `AUTH PLAIN ${Buffer.from('\0vigil\0wrong').toString('base64')}`, 'QUIT']),
    ).toEqual(['250', '535', '221'])
    expect(last()).toMatchObject({ via: 'email', answer: { state: 'refused', status: 535 } })
  })
})

/** Says each line once the one before was answered; returns the codes of the answers. */
async function converse(lines: readonly string[]): Promise<string[]> {
  const socket = connect(sinks.addresses.smtp.port, sinks.addresses.smtp.host)
  const codes: string[] = []
  let pending = ''
  const left = [...lines]
  for await (const chunk of socket.setEncoding('utf8')) {
    pending += String(chunk)
    // The last line of an answer has a space after its code.
    const answer = /^(\d{3}) .*\r\n$/m.exec(pending)
    if (!answer?.[1]) continue
    pending = ''
    codes.push(answer[1])
    const next = left.shift()
    if (next !== undefined) socket.write(`${next}\r\n`)
  }
  return codes.slice(1)
}
