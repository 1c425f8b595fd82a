import { timingSafeEqual } from 'node:crypto'
import type { Request, sign } from 'aws4'
import { z } from 'zod'
import { parseJson, printable, rejected, statusFromTitle } from './delivery.ts'
import type { Handled, HttpReply, HttpRequest } from './delivery.ts'

/** PagerDuty's own limits: https://developer.pagerduty.com/docs/events-api-v2-overview */
const maxEventBytes = 512 * 1024
const routingKeyLength = 32

const eventPayload = z.object({
  summary: z.string().min(1).max(1024),
  source: z.string().min(1),
  severity: z.enum(['critical', 'error', 'warning', 'info']),
  custom_details: z.unknown().optional(),
})

const pagerDutyEvent = z.object({
  routing_key: z.string().length(routingKeyLength),
  event_action: z.enum(['trigger', 'acknowledge', 'resolve']),
  dedup_key: z.string().max(255).optional(),
  payload: eventPayload.optional(),
  links: z.unknown().optional(),
})

/** Replies as the Events API v2 does. `services` maps the routing key of each integration to its name. */
export function handlePagerDuty(request: HttpRequest, services: ReadonlyMap<string, string>): Handled {
  const address = services.get(routingKeyIn(request.body)) ?? '?'
  const reject = (status: number, reason: string, to = address): Handled => ({
    reply: pagerDutyReply(status, {
      status: 'invalid event',
      message: 'Event object is invalid',
      errors: [reason],
    }),
    delivery: rejected('pagerduty', to, request.body, { status, reason }),
  })
  if (request.method !== 'POST' || request.path !== '/v2/enqueue') return reject(404, 'not found', '?')
  if (Buffer.byteLength(request.body) > maxEventBytes)
    return reject(413, 'the event is larger than 512 KB', '?')
  const read = pagerDutyEvent.safeParse(parseJson(request.body))
  if (!read.success) return reject(400, firstIssue(read.error))
  if (address === '?') return reject(400, "'routing_key' is not the key of an integration")
  const { event_action: action, dedup_key: dedupKey, payload } = read.data
  if (action === 'trigger' && payload === undefined) return reject(400, "'payload' is missing or blank")
  if (action !== 'trigger' && dedupKey === undefined) return reject(400, "'dedup_key' is missing or blank")
  return {
    reply: pagerDutyReply(202, {
      status: 'success',
      message: 'Event processed',
      dedup_key: dedupKey ?? '',
    }),
    delivery: {
      via: 'pagerduty',
      address,
      status: action === 'resolve' ? 'resolved' : 'firing',
      title: printable(payload?.summary ?? action, 300),
      text: printable(request.body, 20_000),
      ...(dedupKey !== undefined && { dedupKey }),
      response: { state: 'ok' },
    },
  }
}

function firstIssue(error: z.ZodError): string {
  const [first] = error.issues
  return first === undefined ? 'not an event' : `'${first.path.join('.') || 'event'}': ${first.message}`
}

function pagerDutyReply(status: number, body: unknown): HttpReply {
  return { status, type: 'application/json', body: JSON.stringify(body) }
}

function routingKeyIn(body: string): string {
  const read = z.object({ routing_key: z.string() }).safeParse(parseJson(body))
  return read.success ? read.data.routing_key : ''
}

const slackMessage = z.object({
  text: z.string().optional(),
  blocks: z.array(z.unknown()).max(50).optional(),
  attachments: z
    .array(
      z.object({
        title: z.string().optional(),
        pretext: z.string().optional(),
        text: z.string().optional(),
        fallback: z.string().optional(),
      }),
    )
    .max(100)
    .optional(),
})

/**
 * Replies as a Slack webhook does
 * (https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks).
 * `channels` maps the path of each webhook to its channel.
 */
export function handleSlack(request: HttpRequest, channels: ReadonlyMap<string, string>): Handled {
  const address = channels.get(request.path)
  const reject = (status: number, reason: string): Handled => ({
    reply: { status, type: 'text/plain', body: reason },
    delivery: rejected('slack', address ?? '?', request.body, { status, reason }),
  })
  if (address === undefined) return reject(404, 'no_service')
  if (request.method !== 'POST') return reject(403, 'action_prohibited')
  if (!request.headers['content-type']?.includes('application/json')) return reject(400, 'invalid_payload')
  const read = slackMessage.safeParse(parseJson(request.body))
  if (!read.success) return reject(400, 'invalid_payload')
  const { text, blocks, attachments } = read.data
  const [first] = attachments ?? []
  const title =
    [text, first?.pretext, first?.title, first?.fallback].find((part) => part !== undefined && part !== '') ??
    ''
  if ((text ?? '') === '' && (blocks ?? []).length === 0 && first === undefined) return reject(400, 'no_text')
  return {
    reply: { status: 200, type: 'text/plain', body: 'ok' },
    delivery: {
      via: 'slack',
      address,
      status: statusFromTitle(title),
      title: printable(title, 300),
      text: printable(request.body, 20_000),
      response: { state: 'ok' },
    },
  }
}

/** The AWS account that may publish. */
export interface AwsAccount {
  accessKeyId: string
  secretAccessKey: string
  region: string
}

/** Computes the authorization header of a request, as `aws4` does. */
export type SignRequest = typeof sign

interface SnsError {
  status: number
  code: string
  message: string
}

const maxClockSkewMs = 15 * 60_000
const snsNamespace = 'xmlns="http://sns.amazonaws.com/doc/2010-03-31/"'
const snsRequestId = '<RequestId>00000000-0000-4000-8000-000000000001</RequestId>'

/**
 * Replies to `Publish` as SNS does (https://docs.aws.amazon.com/sns/latest/api/API_Publish.html): it checks
 * the
 * signature first, then the parameters.
 */
export function handleSns(
  request: HttpRequest,
  account: AwsAccount,
  signRequest: SignRequest,
  nowMs: number,
): Handled {
  const form = new URLSearchParams(request.body)
  const address = form.get('PhoneNumber') ?? form.get('TopicArn') ?? form.get('TargetArn') ?? '?'
  const error = signatureError(request, account, signRequest, nowMs) ?? parameterError(form)
  const subject = form.get('Subject') ?? ''
  const message = form.get('Message') ?? ''
  const title = subject === '' ? (message.split('\n')[0] ?? '') : subject
  const delivery = {
    via: 'sms',
    address: printable(address, 200),
    status: statusFromTitle(title),
    title: printable(title, 300),
    text: printable(`${subject}\n${message}`.trim(), 20_000),
  } as const
  if (error === undefined)
    return {
      reply: snsReply(
        200,
        `<PublishResponse ${snsNamespace}><PublishResult>` +
          '<MessageId>00000000-0000-4000-8000-000000000000</MessageId></PublishResult>' +
          `<ResponseMetadata>${snsRequestId}</ResponseMetadata></PublishResponse>`,
      ),
      delivery: { ...delivery, response: { state: 'ok' } },
    }
  const { status, code, message: reason } = error
  return {
    reply: snsReply(
      status,
      `<ErrorResponse ${snsNamespace}><Error><Type>Sender</Type><Code>${code}</Code>` +
        `<Message>${reason}</Message></Error>${snsRequestId}</ErrorResponse>`,
    ),
    delivery: { ...delivery, response: { state: 'invalid', status, reason: `${code}: ${reason}` } },
  }
}

function snsReply(status: number, body: string): HttpReply {
  return { status, type: 'text/xml', body }
}

function invalidParameter(message: string): SnsError {
  return { status: 400, code: 'InvalidParameter', message }
}

function parameterError(form: URLSearchParams): SnsError | undefined {
  if (form.get('Action') !== 'Publish')
    return { status: 400, code: 'InvalidAction', message: 'The action is not valid for this endpoint' }
  const targets = ['PhoneNumber', 'TopicArn', 'TargetArn'].filter((name) => form.has(name))
  if (targets.length !== 1)
    return invalidParameter('Exactly one of TopicArn, TargetArn and PhoneNumber is required')
  if (!/^(arn:aws[\w-]*:sns:|\+[1-9]\d{5,14}$)/.test(form.get(targets[0] ?? '') ?? ''))
    return invalidParameter(`${targets[0]} is neither an ARN of SNS nor a number in E.164`)
  const message = form.get('Message') ?? ''
  if (message === '') return invalidParameter('Empty message')
  if (Buffer.byteLength(message) > 262_144) return invalidParameter('Message too long')
  const subject = form.get('Subject')
  if (subject !== null && !/^[\x20-\x7e]{1,100}$/.test(subject))
    return invalidParameter('Subject must be 1 to 100 printable ASCII characters')
  return undefined
}

const authorizationHeader = new RegExp(
  '^AWS4-HMAC-SHA256 Credential=([^/]+)/(\\d{8})/([^/]+)/sns/aws4_request, ?' +
    'SignedHeaders=([a-z0-9;-]+), ?Signature=([0-9a-f]{64})$',
)

function forbidden(code: string, message: string): SnsError {
  return { status: 403, code, message }
}

/**
 * Signature Version 4: sign again with the account's secret over the headers that the client lists, and
 * compare.
 */
function signatureError(
  request: HttpRequest,
  account: AwsAccount,
  signRequest: SignRequest,
  nowMs: number,
): SnsError | undefined {
  const given = request.headers.authorization
  if (given === undefined)
    return forbidden('MissingAuthenticationToken', 'Request is missing Authentication Token')
  const [, keyId, , region, signedNames = '', signature = ''] = authorizationHeader.exec(given) ?? []
  if (keyId === undefined || region === undefined)
    return forbidden('IncompleteSignature', 'Authorization header is not a signature of version 4 for sns')
  if (keyId !== account.accessKeyId || region !== account.region)
    return forbidden('InvalidClientTokenId', 'The security token included in the request is invalid')
  if (!isFresh(request.headers['x-amz-date'], nowMs))
    return forbidden('RequestExpired', 'Request has expired, or its date is missing')
  const names = signedNames.split(';')
  if (!names.includes('host') || !names.includes('x-amz-date'))
    return forbidden('SignatureDoesNotMatch', "'host' and 'x-amz-date' must be signed headers")
  const expected = Buffer.from(expectedSignature(request, names, account, signRequest), 'hex')
  const actual = Buffer.from(signature, 'hex')
  if (expected.length === actual.length && timingSafeEqual(expected, actual)) return undefined
  return forbidden(
    'SignatureDoesNotMatch',
    'The request signature we calculated does not match the signature you provided',
  )
}

function expectedSignature(
  request: HttpRequest,
  names: readonly string[],
  account: AwsAccount,
  signRequest: SignRequest,
): string {
  const headers = Object.fromEntries(names.map((name) => [name, String(request.headers[name] ?? '')]))
  // aws4 adds these headers when they are missing, and would then sign headers that the client did not sign.
  const ignored = Object.fromEntries(
    ['content-type', 'content-length'].filter((name) => !names.includes(name)).map((name) => [name, true]),
  )
  const toSign: Request & { extraHeadersToIgnore: Record<string, boolean> } = {
    method: request.method,
    path: request.path,
    headers,
    body: request.body,
    service: 'sns',
    region: account.region,
    extraHeadersToIgnore: ignored,
  }
  const signed = signRequest(toSign, account).headers?.['Authorization']
  return authorizationHeader.exec(String(signed ?? ''))?.[5] ?? ''
}

function isFresh(date: string | string[] | undefined, nowMs: number): boolean {
  const [, year, month, day, hour, minute, second] =
    /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(String(date ?? '')) ?? []
  const atMs = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`)
  return Math.abs(nowMs - atMs) <= maxClockSkewMs
}
