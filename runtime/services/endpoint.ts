import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { toTargetUrl } from '../../journeys/index.ts'

const loopback = '127.0.0.1'

/**
 * A port of the loopback address that was free a moment ago; another program may take it before it is used.
 */
export async function freePort(): Promise<number> {
  const port = await tryPort(0)
  if (port === undefined) throw new Error(`no port is free on ${loopback}`)
  return port
}

/** Whether no program listens on the port, on the loopback address or on every address. */
export async function isFree(port: number): Promise<boolean> {
  return (await tryPort(port)) !== undefined
}

async function tryPort(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(undefined))
    server.listen({ port, host: loopback, exclusive: true }, () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : undefined))
    })
  })
}

/** `unreachable`: no connection could be made; `not-ready`: connected, but the answer was not 2xx. */
export type Readiness = 'ready' | 'not-ready' | 'unreachable'

const attemptTimeoutMs = 2000
const pauseMs = 50

/**
 * Sends requests until the answer is 2xx or time is up, at least one. Returns the outcome of the last one.
 */
export async function waitReady(
  baseUrl: string,
  path: string,
  limits: { timeoutMs: number; signal: AbortSignal },
): Promise<Readiness> {
  const deadline = performance.now() + limits.timeoutMs
  for (;;) {
    const readiness = await checkReady(toTargetUrl(baseUrl, path), limits.signal)
    if (readiness === 'ready' || limits.signal.aborted || performance.now() >= deadline) return readiness
    await sleep(pauseMs, undefined, { signal: limits.signal }).catch(() => undefined)
  }
}

async function checkReady(url: URL, signal: AbortSignal): Promise<Readiness> {
  return new Promise((resolve) => {
    const send = url.protocol === 'https:' ? httpsRequest : httpRequest
    const request = send(
      url,
      { signal: AbortSignal.any([signal, AbortSignal.timeout(attemptTimeoutMs)]), agent: false },
      (response) => {
        const status = response.statusCode ?? 0
        // The body is not needed and may be endless.
        response.destroy()
        resolve(status >= 200 && status < 300 ? 'ready' : 'not-ready')
      },
    )
    let hasConnected = false
    request.on('socket', (socket) => socket.once('connect', () => (hasConnected = true)))
    request.on('error', () => resolve(hasConnected ? 'not-ready' : 'unreachable'))
    request.end()
  })
}
