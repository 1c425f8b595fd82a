import http from 'node:http'
import https from 'node:https'
import { setInterval as every } from 'node:timers'
import type { Socket } from 'node:net'
import { Pushgateway } from 'prom-client'
import type { OpenMetricsContentType, Registry } from 'prom-client'

export interface Push {
  url: string
  registry: Registry<OpenMetricsContentType>
  grouping: Record<string, string>
}

export type AttemptResult =
  | { state: 'pushed' }
  /** `final`: trying again would only be refused again. */
  | { state: 'failed'; error: unknown; final: boolean }

/** A Pushgateway answers with a line; more is something else, and not to be kept in memory. */
const mostAnswerBytes = 1_000_000

/** One PUT of the group, over by `withinMs` whatever the other side does. */
export async function attemptPush({ url, registry, grouping }: Push, withinMs: number): Promise<AttemptResult> {
  const limit = new AbortController()
  const agent = URL.parse(url)?.protocol === 'https:' ? new https.Agent() : new http.Agent()
  const out = Promise.withResolvers<never>()
  const timer = setTimeout(() => out.reject(new Error(`no answer within ${Math.round(withinMs)} ms`)), withinMs)
  const watch = watchSize(agent, () => out.reject(new Error('answered with more than a Pushgateway would say')))
  try {
    const gateway = new Pushgateway(url, { agent, signal: limit.signal }, registry)
    const pushed = gateway.push({ jobName: 'vigil', groupings: grouping })
    // Which of the two loses is settled later or never, and must not be reported as unhandled.
    pushed.catch(() => {})
    const { resp } = await Promise.race([pushed, out.promise])
    return outcomeOf(resp instanceof http.IncomingMessage ? (resp.statusCode ?? 0) : 0)
  } catch (error) {
    return { state: 'failed', error, final: isRefused(error) }
  } finally {
    clearTimeout(timer)
    clearInterval(watch)
    limit.abort()
    agent.destroy()
  }
}

// prom-client takes everything below 400 for a success; a redirect to a login page has stored nothing.
function outcomeOf(status: number): AttemptResult {
  if (status >= 200 && status < 300) return { state: 'pushed' }
  return { state: 'failed', error: new Error(`answered ${status}, expected 200 or 202: is this a Pushgateway?`), final: true }
}

/** A 4xx says that this push is wrong, not that the moment is. */
function isRefused(error: unknown): boolean {
  return error instanceof Error && /^push failed with status 4\d\d\b/.test(error.message)
}

function watchSize(agent: http.Agent, tooMuch: () => void): NodeJS.Timeout {
  const size = (): number => Object.values(agent.sockets).flatMap((sockets) => sockets ?? []).reduce((sum, socket: Socket) => sum + socket.bytesRead, 0)
  return every(() => {
    if (size() > mostAnswerBytes) tooMuch()
  }, 20)
}
