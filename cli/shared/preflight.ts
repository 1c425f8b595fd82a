import { toOneLine } from '../../record/index.ts'
import { sendRequest } from '../../journeys/client/index.ts'

const timeoutMs = 5000
const bodyBytes = 64 * 1024

/**
 * Asks the target once before anything is measured. A target that cannot be reached, or that sends us elsewhere, is no
 * target: measuring it would measure something else. Any other answer, an error too, is the target's own and is measured.
 *
 * @returns why it cannot be used, or undefined
 */
export async function preflight(url: URL, signal: AbortSignal): Promise<string | undefined> {
  const request = { method: 'GET', path: url.pathname + url.search, headers: {}, body: undefined }
  const result = await sendRequest(url.origin, request, { timeoutMs, maxBodyBytes: bodyBytes, signal })
  if (signal.aborted) return 'interrupted before the target was asked'
  // An endless body is an answer all the same.
  if (result.state === 'answered')
    return redirectOf(url, result.response.status, result.response.headers['location'])
  if (result.class === 'status' || result.class === 'check') return undefined
  return `the target at ${url.origin} cannot be reached (${result.class}): ${result.message}`
}

function redirectOf(url: URL, status: number, location: string | undefined): string | undefined {
  if (status < 300 || status >= 400 || status === 304) return undefined
  const where = location === undefined ? 'nowhere' : toOneLine(location)
  return `the target redirects (redirect): ${url.href} answered ${status} to ${where}, expected an answer of its own; give the URL that it redirects to`
}
