import http from 'node:http'
import https from 'node:https'
import { setInterval as every } from 'node:timers'
import type { Socket } from 'node:net'
import { Pushgateway } from 'prom-client'
import type { Registry } from 'prom-client'

export interface Push {
  url: string
  registry: Registry
  grouping: Record<string, string>
  /** Aborted: over at once. */
  signal: AbortSignal
}

export type AttemptResult =
  | { state: 'pushed' }
  /** `final`: trying again would only be refused again. */
  | { state: 'failed'; error: unknown; final: boolean }

export const interrupted = {
  state: 'failed',
  error: new Error('interrupted'),
  final: true,
} as const satisfies AttemptResult

/** A Pushgateway answers with a line; more is something else, and not to be kept in memory. */
const mostAnswerBytes = 1_000_000

/** One PUT of the group, over by `withinMs` whatever the other side does. */
export async function attemptPush(
  { url, registry, grouping, signal }: Push,
  withinMs: number,
): Promise<AttemptResult> {
  if (signal.aborted) return interrupted
  const limit = new AbortController()
  const agent = URL.parse(url)?.protocol === 'https:' ? new https.Agent() : new http.Agent()
  const out = Promise.withResolvers<never>()
  const timer = setTimeout(
    () => out.reject(new Error(`no answer within ${Math.round(withinMs)} ms`)),
    withinMs,
  )
  const watch = watchSize(agent, () =>
    out.reject(new Error('answered with more than a Pushgateway would say')),
  )
  const interrupt = (): void => out.reject(new Error('interrupted'))
  signal.addEventListener('abort', interrupt)
  try {
    const gateway = new Pushgateway(url, { agent, signal: limit.signal }, registry)
    const pushed = gateway.push({ jobName: 'vigil', groupings: grouping })
    // Which of the two loses is settled later or never, and must not be reported as unhandled.
    pushed.catch(() => {})
    const { resp } = await Promise.race([pushed, out.promise])
    return outcomeOf(resp instanceof http.IncomingMessage ? (resp.statusCode ?? 0) : 0)
  } catch (error) {
    return signal.aborted ? interrupted : failureOf(error)
  } finally {
    clearTimeout(timer)
    clearInterval(watch)
    signal.removeEventListener('abort', interrupt)
    limit.abort()
    agent.destroy()
  }
}

// prom-client takes everything below 400 for a success; a redirect to a login page has stored nothing.
function outcomeOf(status: number): AttemptResult {
  if (status >= 200 && status < 300) return { state: 'pushed' }
  return {
    state: 'failed',
    error: new Error(`answered ${status}, expected 200 or 202: is this a Pushgateway?`),
    final: true,
  }
}

/** prom-client puts status and answer into one message. A 4xx says that this push is wrong, not that the moment is. */
function failureOf(error: unknown): AttemptResult {
  const [, status = '', said = ''] =
    (error instanceof Error && /^push failed with status (\d+), ?(.*)$/s.exec(error.message)) || []
  if (status === '') return { state: 'failed', error, final: false }
  return {
    state: 'failed',
    error: new Error(`answered ${status}${said.trim() === '' ? '' : `: ${said}`}`),
    final: status.startsWith('4'),
  }
}

function watchSize(agent: http.Agent, tooMuch: () => void): NodeJS.Timeout {
  const size = (): number =>
    Object.values(agent.sockets)
      .flatMap((sockets) => sockets ?? [])
      .reduce((sum, socket: Socket) => sum + socket.bytesRead, 0)
  return every(() => {
    if (size() > mostAnswerBytes) tooMuch()
  }, 20)
}
