import { isIP } from 'node:net'
import { connect } from 'node:tls'
import { toRequestFailure } from '../journeys/client/index.ts'
import { toAddress } from '../journeys/index.ts'
import type { RequestFailure } from '../journeys/client/index.ts'
import { blamed } from './control.ts'
import type { ProbeResult } from '../record/index.ts'

/** Fewer days than this and somebody should renew it by hand; those who renew do so 30 days before. */
export const degradedDays = 14
/** Fewer than this and it may expire over a weekend. */
export const downDays = 3

const dayMs = 86_400_000

/** The certificate a target shows: until when it is good, in milliseconds since 1970; or why it is not good at all. */
export type CertificateFound =
  | { state: 'good'; expiresAtMs: number }
  | ({ state: 'refused' } & RequestFailure)

/** Opens a connection as every client does, certificate checks on, and looks at what the target identifies itself with. */
export async function certificateOf(
  targetUrl: string,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<CertificateFound> {
  const { hostname, port } = toAddress(targetUrl)
  return new Promise((resolve) => {
    const within = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)])
    // An address is no server name: RFC 6066 allows names alone.
    const socket = connect({ host: hostname, port, ...(isIP(hostname) === 0 && { servername: hostname }) })
    const settle = (found: CertificateFound): void => {
      within.removeEventListener('abort', stop)
      socket.destroy()
      resolve(found)
    }
    const stop = (): void =>
      settle({ state: 'refused', class: 'timeout', message: `no certificate within ${timeoutMs} ms` })
    within.addEventListener('abort', stop)
    socket.once('error', (error) => settle({ state: 'refused', ...toRequestFailure(error) }))
    socket.once('secureConnect', () => {
      const expiresAtMs = Date.parse(socket.getPeerCertificate().valid_to)
      settle(
        Number.isNaN(expiresAtMs)
          ? { state: 'refused', class: 'tls', message: 'the certificate does not say until when it is good' }
          : { state: 'good', expiresAtMs },
      )
    })
  })
}

export interface CertificatePlan {
  name: string
  targetUrl: string
  timeoutMs: number
  controlUrl: string | undefined
  signal: AbortSignal
  /** Milliseconds since 1970: expiry is a matter of the wall clock. */
  now: () => number
  /** Told until when the certificate is good, in milliseconds since 1970. */
  seen: (expiresAtMs: number) => void
}

/** How long the target's certificate is still good, as a probe. Where there is none (http) there is nothing to expire. */
export async function runCertificateProbe(plan: CertificatePlan): Promise<ProbeResult> {
  const nowMs = plan.now()
  const about = { name: plan.name, startedAt: new Date(nowMs).toISOString(), attempts: 1 }
  const step = { step: 'certificate', status: 0 } as const
  if (toAddress(plan.targetUrl).protocol === 'http:') {
    return {
      ...about,
      outcome: 'up',
      durationMs: 0,
      steps: [{ ...step, ok: true, durationMs: 0 }],
      message: 'http has no certificate: nothing to expire',
    }
  }
  const began = performance.now()
  const found = await certificateOf(plan.targetUrl, plan.timeoutMs, plan.signal)
  const durationMs = performance.now() - began
  const failed = (failure: RequestFailure): ProbeResult & { message: string } => ({
    ...about,
    outcome: 'down',
    durationMs,
    steps: [{ ...step, ok: false, durationMs, ...failure }],
    message: `certificate failed (${failure.class}): ${failure.message}`,
  })
  if (found.state === 'refused') {
    if (plan.signal.aborted)
      return {
        ...about,
        outcome: 'unknown',
        durationMs,
        steps: [],
        message: 'interrupted before it was done',
      }
    const { class: failure, message } = found
    const down = failed({ class: failure, message })
    return failure === 'tls'
      ? down
      : { ...down, ...(await blamed(down.message, plan.controlUrl, plan.signal)) }
  }
  plan.seen(found.expiresAtMs)
  const days = (found.expiresAtMs - nowMs) / dayMs
  const left = `the certificate expires in ${days.toFixed(1)} days, on ${new Date(found.expiresAtMs).toISOString().slice(0, 10)}`
  if (days < downDays) return failed({ class: 'tls', message: `${left}, expected at least ${downDays} days` })
  const steps = [{ ...step, ok: true, durationMs }]
  return days < degradedDays
    ? {
        ...about,
        outcome: 'degraded',
        durationMs,
        steps,
        message: `${left}, expected at least ${degradedDays} days`,
      }
    : { ...about, outcome: 'up', durationMs, steps }
}
