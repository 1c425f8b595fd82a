import { Registry } from 'prom-client'
import type { ProbeResult } from '../../record/index.ts'
import { latestGauges } from './latest.ts'
import type { BuildInfo } from './latest.ts'

/**
 * One result as metrics to be pushed. Only gauges: a counter or a histogram that begins anew with each push means nothing
 * to `rate()`.
 *
 * @param certificateExpiresAtMs in milliseconds since 1970, where one was seen
 */
export function registryOfResult(
  result: ProbeResult,
  build: BuildInfo,
  certificateExpiresAtMs?: number,
): Registry {
  const registry = new Registry()
  const latest = latestGauges(registry, build)
  latest.set(result)
  if (certificateExpiresAtMs !== undefined) latest.certificate(result.name, certificateExpiresAtMs)
  return registry
}
