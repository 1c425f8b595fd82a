import { sendRequest } from '../journeys/client/index.ts'
import { toOneLine } from '../record/index.ts'

const controlTimeoutMs = 3000

/**
 * What is said of a target that could not be reached: `down`, unless a control address that has nothing to do with it
 * cannot be reached either. Then it is this prober that is offline, and the target `unknown`. Any answer at all will do.
 *
 * @param message what went wrong with the target
 * @param controlUrl none: the target is blamed
 */
export async function blamed(
  message: string,
  controlUrl: string | undefined,
  signal: AbortSignal,
): Promise<{ outcome: 'down' | 'unknown'; message: string }> {
  if (controlUrl === undefined || controlUrl === '') return { outcome: 'down', message }
  const url = URL.parse(controlUrl)
  // A control address that is mistyped must not turn outages into silence.
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:'))
    return {
      outcome: 'down',
      message: `${message}; VIGIL_CONTROL_URL could not be asked: expected an http:// or https:// URL`,
    }
  const request = { method: 'HEAD', path: `${url.pathname}${url.search}`, headers: {}, body: undefined }
  const result = await sendRequest(url.origin, request, {
    timeoutMs: controlTimeoutMs,
    maxBodyBytes: 0,
    signal,
  })
  // `check`: it answered with a body, which a HEAD has not.
  if (result.state === 'ok' || result.class === 'check') return { outcome: 'down', message }
  return {
    outcome: 'unknown',
    message: `this prober is offline: its control address ${toOneLine(url.host)} cannot be reached either (${result.class}: ${result.message}); ${message}`,
  }
}
