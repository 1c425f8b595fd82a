import { TLSSocket } from 'node:tls'
import type { DetailedPeerCertificate } from 'node:tls'
import { openSocket, toRequestFailure } from '../journeys/client/index.ts'
import { toAddress } from '../journeys/index.ts'
import type { RequestFailure } from '../journeys/client/index.ts'
import { attributeFailure } from './attempt.ts'
import { toOneLine } from '../record/index.ts'
import type { ProbeResult } from '../record/index.ts'

/** With fewer days left, renew it manually. Automatic renewal happens 30 days before the expiry. */
export const degradedDays = 14
/** With fewer days left, it may expire over a weekend. */
export const downDays = 3

const dayMs = 86_400_000

/** The earliest expiry in a chain of certificates, in milliseconds since 1970. */
interface Expiry {
  expiresAtMs: number
  /** The certificate's common name if it is not the target's own. */
  authority?: string
}

/** The earliest expiry in a target's chain of certificates, or why the chain is not valid. */
export type CertificateCheck = ({ state: 'ok' } & Expiry) | ({ state: 'failed' } & RequestFailure)

/** Connects like any client, with certificate checks, and reads the target's certificates. */
export async function checkCertificate(
  targetUrl: string,
  timeoutMs: number,
  signal: AbortSignal,
  nowMs = Date.now(),
): Promise<CertificateCheck> {
  const deadline = AbortSignal.timeout(timeoutMs)
  try {
    const address = toAddress(targetUrl)
    const socket = await openSocket({ address, signal: AbortSignal.any([signal, deadline]) })
    const expiry =
      socket instanceof TLSSocket ? findExpiry(socket.getPeerCertificate(true), nowMs) : undefined
    socket.destroy()
    return expiry === undefined
      ? { state: 'failed', class: 'tls', message: 'the certificate has no readable expiry date' }
      : { state: 'ok', ...expiry }
  } catch (error) {
    return deadline.aborted || signal.aborted
      ? { state: 'failed', class: 'timeout', message: `no certificate within ${timeoutMs} ms` }
      : { state: 'failed', ...toRequestFailure(error) }
  }
}

/**
 * The chain is invalid from the first expiry of one of its certificates. The connection was accepted, so one
 * that has expired already, such as an old root that the target still sends, is not needed.
 */
function findExpiry(own: DetailedPeerCertificate, nowMs: number): Expiry | undefined {
  let earliest: Expiry = { expiresAtMs: Date.parse(own.valid_to) }
  if (Number.isNaN(earliest.expiresAtMs)) return undefined
  const seen = new Set([own.fingerprint256])
  // The issuer of a root is itself; a target can send a longer circle.
  for (let at = own.issuerCertificate; at !== undefined && !seen.has(at.fingerprint256);) {
    const expiresAtMs = Date.parse(at.valid_to)
    if (expiresAtMs > nowMs && expiresAtMs < earliest.expiresAtMs)
      earliest = { expiresAtMs, authority: toOneLine(String(at.subject?.CN ?? 'without a name'), 60) }
    seen.add(at.fingerprint256)
    at = at.issuerCertificate
  }
  return earliest
}

export interface CertificatePlan {
  name: string
  targetUrl: string
  timeoutMs: number
  controlUrl: string | undefined
  signal: AbortSignal
  /** Milliseconds since 1970: the expiry is a wall-clock time. */
  now: () => number
  /** Receives the earliest expiry in the chain, in milliseconds since 1970. */
  onExpiry: (expiresAtMs: number) => void
}

/** Probes how long the target's certificate stays valid. An http target has none, so nothing can expire. */
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
  const startedMs = performance.now()
  const found = await checkCertificate(plan.targetUrl, plan.timeoutMs, plan.signal, nowMs)
  const durationMs = performance.now() - startedMs
  const failed = (failure: RequestFailure): ProbeResult & { message: string } => ({
    ...about,
    outcome: 'down',
    durationMs,
    steps: [{ ...step, ok: false, durationMs, ...failure }],
    message: `certificate failed (${failure.class}): ${failure.message}`,
  })
  if (found.state === 'failed') {
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
      : { ...down, ...(await attributeFailure(down.message, plan.controlUrl, plan.signal)) }
  }
  plan.onExpiry(found.expiresAtMs)
  const days = (found.expiresAtMs - nowMs) / dayMs
  const expiryDate = new Date(found.expiresAtMs).toISOString().slice(0, 10)
  const which =
    found.authority === undefined ? 'the certificate' : `the certificate of its authority ${found.authority}`
  const left = `${which} expires in ${days.toFixed(1)} days, on ${expiryDate}`
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
