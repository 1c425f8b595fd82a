import { sendRequest } from '../../journeys/client/index.ts'
import type { ReadMetrics } from '../../runtime/target/index.ts'
import type { Session } from './session.ts'

const timeoutMs = 2000
const expositionBytes = 8 * 2 ** 20

/** How the session's target is asked for its metrics; one that has none always answers undefined. */
export function metricsReader(session: Session): ReadMetrics {
  const { metrics } = session.loaded.config.target
  if (metrics === undefined) return async () => undefined
  const token =
    session.world.env['VIGIL_METRICS_TOKEN'] ?? session.loaded.config.target.env?.['METRICS_TOKEN']
  const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` }
  return async () => {
    const request = { method: 'GET', path: metrics, headers, body: undefined }
    const result = await sendRequest(session.targetUrl, request, {
      timeoutMs,
      maxBodyBytes: expositionBytes,
      signal: session.world.interrupted,
    })
    return result.state === 'answered' && result.response.status === 200 ? result.response.text : undefined
  }
}
