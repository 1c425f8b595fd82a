import { isResendable } from '../../../journeys/client/index.ts'
import type { WireRequest, Address } from '../../../journeys/index.ts'
import { toRequestHeaders, toRequestTarget, findWireProblem } from '../../../journeys/index.ts'

/** A request ready to be written, or why it cannot be sent. As text it is ASCII. */
export type WrittenRequest =
  | { text: string | Buffer; isHead: boolean; isResendable: boolean }
  | { problem: string }

// What frames a message is ours to write: a journey's own would contradict what is sent.
const framing = new Set(['content-length', 'transfer-encoding', 'trailer', 'host'])
// Methods that announce a body even when it is empty, as every HTTP client does.
const announcing = new Set(['POST', 'PUT', 'PATCH'])

/** Writes the requests of one step. Many steps send the same each time: that one is kept. */
export function createRequestWriter(
  address: Address,
  userAgent?: string,
): (request: WireRequest) => WrittenRequest {
  let last: WireRequest | undefined
  let kept: WrittenRequest = { problem: '' }
  return (request) => {
    if (last !== undefined && isSame(last, request)) return kept
    last = request
    kept = writeChecked(address, request, userAgent)
    return kept
  }
}

function writeChecked(address: Address, request: WireRequest, userAgent?: string): WrittenRequest {
  const problem = findWireProblem(request)
  return problem === undefined
    ? {
        text: formatRequest(address, request, userAgent),
        isHead: request.method === 'HEAD',
        isResendable: isResendable(request),
      }
    : { problem }
}

/**
 * A request as HTTP/1.1 text; as bytes where it is not ASCII: its headers go out as Latin-1, its body as
 * UTF-8.
 *
 * @param userAgent used unless the journey has its own
 */
export function formatRequest(address: Address, request: WireRequest, userAgent?: string): string | Buffer {
  const { method, body = '' } = request
  const headers = toRequestHeaders(address, request.headers)
  let head =
    `${method} ${toRequestTarget(address, request.path)} HTTP/1.1\r\nhost: ` +
    `${headers['host'] ?? address.host}\r\n`
  if (userAgent !== undefined && headers['user-agent'] === undefined) head += `user-agent: ${userAgent}\r\n`
  if (headers['connection'] === undefined) head += 'connection: keep-alive\r\n'
  for (const [name, value] of Object.entries(headers)) if (!framing.has(name)) head += `${name}: ${value}\r\n`
  const bytes = Buffer.byteLength(body)
  if (bytes > 0 || announcing.has(method)) head += `content-length: ${bytes}\r\n`
  head += '\r\n'
  // In UTF-8 only ASCII takes one byte a character.
  if (bytes === body.length && Buffer.byteLength(head) === head.length) return head + body
  return Buffer.concat([Buffer.from(head, 'latin1'), Buffer.from(body)])
}

function isSame(a: WireRequest, b: WireRequest): boolean {
  if (a.path !== b.path || a.method !== b.method || a.body !== b.body) return false
  const names = Object.keys(a.headers)
  return (
    names.length === Object.keys(b.headers).length &&
    names.every((name) => a.headers[name] === b.headers[name])
  )
}
