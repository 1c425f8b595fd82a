import { timingSafeEqual } from 'node:crypto'
import aws4 from 'aws4'
import type { Request } from 'aws4'
import type { Heard, Reply } from './http-service.ts'
import { shown, tellsOf } from './received.ts'
import type { Received } from './received.ts'

/** The AWS account that may publish. */
export interface Account {
  accessKeyId: string
  secretAccessKey: string
  region: string
}

type Judged = { reply: Reply; received: Omit<Received, 'atMs'> }

interface Flaw {
  status: number
  code: string
  message: string
}

const skewMs = 15 * 60_000

/** Answers `Publish` as SNS does (https://docs.aws.amazon.com/sns/latest/api/API_Publish.html): signature first, then the parameters. */
export function answerSns(heard: Heard, account: Account, nowMs: number): Judged {
  const form = new URLSearchParams(heard.body)
  const address = form.get('PhoneNumber') ?? form.get('TopicArn') ?? form.get('TargetArn') ?? '?'
  const flaw = signatureFlaw(heard, account, nowMs) ?? parameterFlaw(form)
  const subject = form.get('Subject') ?? ''
  const message = form.get('Message') ?? ''
  const title = subject === '' ? (message.split('\n')[0] ?? '') : subject
  const received = {
    via: 'sms',
    address: shown(address, 200),
    tells: tellsOf(title),
    title: shown(title, 300),
    text: shown(`${subject}\n${message}`.trim(), 20_000),
  } as const
  if (flaw === undefined)
    return {
      reply: xml(
        200,
        '<PublishResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><PublishResult><MessageId>00000000-0000-4000-8000-000000000000</MessageId></PublishResult><ResponseMetadata><RequestId>00000000-0000-4000-8000-000000000001</RequestId></ResponseMetadata></PublishResponse>',
      ),
      received: { ...received, answer: { state: 'accepted' } },
    }
  const body = `<ErrorResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><Error><Type>Sender</Type><Code>${flaw.code}</Code><Message>${flaw.message}</Message></Error><RequestId>00000000-0000-4000-8000-000000000001</RequestId></ErrorResponse>`
  return {
    reply: xml(flaw.status, body),
    received: {
      ...received,
      answer: { state: 'refused', status: flaw.status, reason: `${flaw.code}: ${flaw.message}` },
    },
  }
}

function invalid(message: string): Flaw {
  return { status: 400, code: 'InvalidParameter', message }
}

function parameterFlaw(form: URLSearchParams): Flaw | undefined {
  if (form.get('Action') !== 'Publish')
    return { status: 400, code: 'InvalidAction', message: 'The action is not valid for this endpoint' }
  const targets = ['PhoneNumber', 'TopicArn', 'TargetArn'].filter((name) => form.has(name))
  if (targets.length !== 1) return invalid('Exactly one of TopicArn, TargetArn and PhoneNumber is required')
  if (!/^(arn:aws[\w-]*:sns:|\+[1-9]\d{5,14}$)/.test(form.get(targets[0] ?? '') ?? ''))
    return invalid(`${targets[0]} is no ARN of SNS and no number in E.164`)
  const message = form.get('Message') ?? ''
  if (message === '') return invalid('Empty message')
  if (Buffer.byteLength(message) > 262_144) return invalid('Message too long')
  const subject = form.get('Subject')
  if (subject !== null && !/^[\x20-\x7e]{1,100}$/.test(subject))
    return invalid('Subject must be 1 to 100 printable ASCII characters')
  return undefined
}

const authorization =
  /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/sns\/aws4_request, ?SignedHeaders=([a-z0-9;-]+), ?Signature=([0-9a-f]{64})$/

/** Signature Version 4: signed again with the account's secret over the headers that the caller says it signed, and compared. */
function signatureFlaw(heard: Heard, account: Account, nowMs: number): Flaw | undefined {
  const given = heard.headers.authorization
  if (given === undefined)
    return {
      status: 403,
      code: 'MissingAuthenticationToken',
      message: 'Request is missing Authentication Token',
    }
  const [, keyId, , region, signedNames = '', signature = ''] = authorization.exec(given) ?? []
  if (keyId === undefined || region === undefined)
    return {
      status: 403,
      code: 'IncompleteSignature',
      message: 'Authorization header is not a signature of version 4 for sns',
    }
  if (keyId !== account.accessKeyId || region !== account.region)
    return {
      status: 403,
      code: 'InvalidClientTokenId',
      message: 'The security token included in the request is invalid',
    }
  if (!fresh(heard.headers['x-amz-date'], nowMs))
    return { status: 403, code: 'RequestExpired', message: 'Request has expired, or its date is missing' }
  const names = signedNames.split(';')
  if (!names.includes('host') || !names.includes('x-amz-date'))
    return {
      status: 403,
      code: 'SignatureDoesNotMatch',
      message: "'host' and 'x-amz-date' must be signed headers",
    }
  const expected = Buffer.from(expectedSignature(heard, names, account), 'hex')
  const actual = Buffer.from(signature, 'hex')
  if (expected.length === actual.length && timingSafeEqual(expected, actual)) return undefined
  return {
    status: 403,
    code: 'SignatureDoesNotMatch',
    message: 'The request signature we calculated does not match the signature you provided',
  }
}

function expectedSignature(heard: Heard, names: readonly string[], account: Account): string {
  const headers = Object.fromEntries(names.map((name) => [name, String(heard.headers[name] ?? '')]))
  // aws4 adds these when they are missing, and would then sign what the caller did not.
  const ignored = Object.fromEntries(
    ['content-type', 'content-length'].filter((name) => !names.includes(name)).map((name) => [name, true]),
  )
  const request: Request & { extraHeadersToIgnore: Record<string, boolean> } = {
    method: heard.method,
    path: heard.path,
    headers,
    body: heard.body,
    service: 'sns',
    region: account.region,
    extraHeadersToIgnore: ignored,
  }
  return authorization.exec(String(aws4.sign(request, account).headers?.['Authorization'] ?? ''))?.[5] ?? ''
}

function fresh(date: string | string[] | undefined, nowMs: number): boolean {
  const [, year, month, day, hour, minute, second] =
    /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(String(date ?? '')) ?? []
  const atMs = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`)
  return Math.abs(nowMs - atMs) <= skewMs
}

function xml(status: number, body: string): Reply {
  return { status, type: 'text/xml', body }
}
