import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { setTimeout as sleep } from 'node:timers/promises'

/** `nobody`: no connection could be made; `unready`: something answers, but not 2xx. */
export type Readiness = 'ready' | 'unready' | 'nobody'

const attemptTimeoutMs = 2000
const pauseMs = 50

/** Asks until the answer is 2xx or time is up; always asks at least once. Returns what the last answer was. */
export async function waitReady(
  baseUrl: string,
  path: string,
  limits: { timeoutMs: number; signal: AbortSignal },
): Promise<Readiness> {
  const deadline = performance.now() + limits.timeoutMs
  for (;;) {
    const now = await askReady(new URL(path, baseUrl), limits.signal)
    if (now === 'ready' || limits.signal.aborted || performance.now() >= deadline) return now
    await sleep(pauseMs, undefined, { signal: limits.signal }).catch(() => undefined)
  }
}

async function askReady(url: URL, signal: AbortSignal): Promise<Readiness> {
  return new Promise((resolve) => {
    const send = url.protocol === 'https:' ? httpsRequest : httpRequest
    const request = send(
      url,
      { signal: AbortSignal.any([signal, AbortSignal.timeout(attemptTimeoutMs)]), agent: false },
      (response) => {
        const status = response.statusCode ?? 0
        // The body is of no interest and may be endless.
        response.destroy()
        resolve(status >= 200 && status < 300 ? 'ready' : 'unready')
      },
    )
    let connected = false
    request.on('socket', (socket) => socket.once('connect', () => (connected = true)))
    request.on('error', () => resolve(connected ? 'unready' : 'nobody'))
    request.end()
  })
}
