import { explainFetchError, readBounded, userAgentFor } from '../../journeys/client/index.ts'
import { setTimeout as sleep } from 'node:timers/promises'
import { protobufType } from '../exposition/index.ts'
import { toOneLine, toPublicUrl } from '../../record/index.ts'

export interface PushRequest {
  /** The address of the Pushgateway; may hold a user and a password. */
  url: string
  /** Metrics in Prometheus' text format. */
  text: string
  /** The same in protobuf, sent instead of the text. */
  protobuf?: Uint8Array<ArrayBuffer> | undefined
  /**
   * The group whose metrics are replaced, in addition to the job `vigil`. Nothing that changes from run to
   * run: a Pushgateway forgets nothing, and each new group would stay there for ever.
   */
  grouping: Readonly<Record<string, string>>
  limits?: PushLimits
  /** Aborted: the push ends immediately, as a failed one. */
  signal?: AbortSignal
}

export interface PushLimits {
  /** For all attempts and the pauses between them. */
  totalMs: number
  /** For one attempt. */
  attemptMs: number
  /** Before each further attempt; as many attempts follow the first as there are pauses. */
  pausesMs: readonly number[]
}

/** At most 5 s, with two retries: a Pushgateway that is down must not delay a release. */
export const defaultPushLimits: PushLimits = { totalMs: 5000, attemptMs: 2000, pausesMs: [150, 450] }

export type PushResult =
  | { state: 'ok'; attempts: number }
  /** The reason is one line, without credentials. */
  | { state: 'failed'; attempts: number; reason: string }

type AttemptResult =
  | { state: 'ok' }
  /** `isFinal`: another attempt would be refused too. */
  | { state: 'failed'; error: unknown; isFinal: boolean }
  | { state: 'interrupted' }

/**
 * Replaces the metrics of a group on a Pushgateway. Never throws and never takes longer than its limits; a
 * failure is a value, because it changes nothing about the run.
 */
export async function pushMetrics({
  url,
  text,
  protobuf,
  grouping,
  limits = defaultPushLimits,
  signal = new AbortController().signal,
}: PushRequest): Promise<PushResult> {
  const address = URL.parse(url)
  if (address?.protocol !== 'http:' && address?.protocol !== 'https:') {
    const problem = 'expected the http:// or https:// address of a Pushgateway'
    return { state: 'failed', attempts: 0, reason: explainPushFailure(problem, url) }
  }
  const body = protobuf ?? text
  const type = protobuf === undefined ? 'text/plain; version=0.0.4; charset=utf-8' : protobufType
  const request = buildRequest(address, grouping, type)
  const deadline = performance.now() + limits.totalMs
  let failure: unknown = 'no time for an attempt'
  let attempts = 0
  for (const pauseMs of [0, ...limits.pausesMs]) {
    const leftMs = deadline - performance.now() - pauseMs
    if (leftMs <= 0) break
    // The attempt after the pause notices an abort during it.
    await sleep(pauseMs, undefined, { signal }).catch(() => undefined)
    const isBefore = signal.aborted
    const result = await attemptPush(request, body, Math.min(limits.attemptMs, leftMs), signal)
    if (!isBefore) attempts += 1
    if (result.state === 'ok') return { state: 'ok', attempts }
    failure = result.state === 'interrupted' ? 'interrupted' : result.error
    if (result.state === 'interrupted' || result.isFinal) break
  }
  const count = `${attempts} ${attempts === 1 ? 'attempt' : 'attempts'}`
  return { state: 'failed', attempts, reason: `${explainPushFailure(failure, url)} (${count})` }
}

/**
 * `fetch` refuses an address with credentials: they go into a header. A query and a fragment are left out.
 */
function buildRequest(
  address: URL,
  grouping: PushRequest['grouping'],
  contentType: string,
): { url: string; headers: Record<string, string> } {
  const path = address.pathname.replace(/\/+$/, '')
  const group = Object.entries(grouping).flatMap(([name, value]) => encodeLabel(name, value))
  const credentials = `${decodePercent(address.username)}:${decodePercent(address.password)}`
  return {
    url: `${address.origin}${path}/metrics/job/vigil/${group.join('/')}`,
    headers: {
      'content-type': contentType,
      ...(credentials !== ':' && {
        authorization: `Basic ${Buffer.from(credentials).toString('base64')}`,
      }),
    },
  }
}

/** Values that a Pushgateway reads from a path as they are. */
const plainValue = /^[A-Za-z0-9][A-Za-z0-9_.-]*$/

/**
 * A label in the path of a group. Any value that could be mistaken for a path goes in base64, which the
 * Pushgateway decodes.
 */
function encodeLabel(name: string, value: string): [string, string] {
  if (plainValue.test(value)) return [name, value]
  // An empty value is written as one equals sign, since the path would otherwise have an empty part.
  return [`${name}@base64`, value === '' ? '=' : Buffer.from(value, 'utf8').toString('base64url')]
}

/** One PUT of the group. It ends within `timeoutMs` whatever the other side does. */
async function attemptPush(
  { url, headers }: { url: string; headers: Record<string, string> },
  body: string | Uint8Array<ArrayBuffer>,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<AttemptResult> {
  if (signal.aborted) return { state: 'interrupted' }
  const limit = new AbortController()
  const timer = setTimeout(
    () => limit.abort(new Error(`no answer within ${Math.round(timeoutMs)} ms`)),
    timeoutMs,
  )
  try {
    const response = await fetch(url, {
      method: 'PUT',
      body,
      headers: { 'user-agent': userAgentFor('push'), ...headers },
      // A redirect to a login page has stored nothing.
      redirect: 'manual',
      signal: AbortSignal.any([signal, limit.signal]),
    })
    return judgeAnswer(
      response.status,
      await readBounded(response, maxAnswerBytes, 'answered with more than a Pushgateway would send'),
    )
  } catch (error) {
    return signal.aborted ? { state: 'interrupted' } : { state: 'failed', error, isFinal: false }
  } finally {
    clearTimeout(timer)
    limit.abort()
  }
}

/** A 4xx means that this push is wrong, so it is final; a 5xx may be over soon. */
function judgeAnswer(status: number, answer: string): AttemptResult {
  if (status >= 200 && status < 300) return { state: 'ok' }
  const detail = answer.trim() === '' ? '' : `: ${answer}`
  const explanation = status < 400 ? ', expected 200 or 202: is this a Pushgateway?' : detail
  return { state: 'failed', error: `answered ${status}${explanation}`, isFinal: status < 500 }
}

/** A Pushgateway answers with a line; more comes from something else, and is not kept in memory. */
const maxAnswerBytes = 1_000_000

/**
 * Why a push failed, in one line without secrets: the URL without its credentials, the error without the
 * URL's secrets.
 */
export function explainPushFailure(error: unknown, url: string): string {
  // Redacted before it is cut: half a secret would not be found.
  return `${toPublicUrl(url)}: ${toOneLine(redact(explainFetchError(error), url), 240, '\uFFFD')}`
}

function redact(text: string, url: string): string {
  return findSecrets(url).reduce((rest, secret) => rest.replaceAll(secret, '***'), text)
}

/** Every part of a URL that may be secret, as it is written and as it is sent. */
function findSecrets(url: string): string[] {
  const parsed = URL.parse(url)
  if (!parsed) return [/\/\/(.*)@/s.exec(url)?.[1] ?? ''].filter((secret) => secret !== '')
  const { username, password, search } = parsed
  const pair = `${decodePercent(username)}:${decodePercent(password)}`
  const forms = [
    pair,
    Buffer.from(pair).toString('base64'),
    username,
    password,
    decodePercent(username),
    decodePercent(password),
    search.slice(1),
  ]
  return forms.filter((secret) => secret.length > 1).toSorted((a, b) => b.length - a.length)
}

/** Percent-decodes a part of a URL; one that is malformed stays as it is. */
function decodePercent(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
