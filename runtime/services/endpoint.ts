import { createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { sendRequest } from '../../journeys/client/index.ts'

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
    const readiness = await checkReady(baseUrl, path, limits.signal)
    if (readiness === 'ready' || limits.signal.aborted || performance.now() >= deadline) return readiness
    await sleep(pauseMs, undefined, { signal: limits.signal }).catch(() => undefined)
  }
}

async function checkReady(baseUrl: string, path: string, signal: AbortSignal): Promise<Readiness> {
  const result = await sendRequest(
    baseUrl,
    { method: 'GET', path, headers: {}, body: undefined },
    // The body is not needed and may be endless.
    { timeoutMs: attemptTimeoutMs, maxBodyBytes: 0, signal, purpose: 'readiness', headersOnly: true },
  )
  if (result.state === 'failed')
    return result.hasConnected || result.class === 'tls' ? 'not-ready' : 'unreachable'
  const { status } = result.response
  return status >= 200 && status < 300 ? 'ready' : 'not-ready'
}
