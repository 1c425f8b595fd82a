import { toOneLine } from '../../record/text.ts'
import type { FailureClass } from '../../record/index.ts'

/** Where on its way a request failed, and in words: one line, at most 200 characters, no control characters. */
export interface RequestFailure {
  class: FailureClass
  message: string
}

// Errors of this machine, not of the target: it has no sockets, ports or memory left to ask with.
const ownCodes = new Set([
  'EMFILE',
  'ENFILE',
  'EADDRNOTAVAIL',
  'ENOBUFS',
  'ENOMEM',
  'EAGAIN',
  'EPERM',
  'EACCES',
])

// OpenSSL names the reasons for refusing a certificate without a common beginning.
const certificateCode =
  /^(?:CERT_|ERR_TLS_|ERR_SSL_|CRL_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|ERROR_IN_|HOSTNAME_MISMATCH|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH_EXCEEDED|EPROTO)/
const timeoutCodes = new Set([
  'ETIMEDOUT',
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
])

const words: Record<string, string> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  EPIPE: 'connection closed while the request was sent',
  EHOSTUNREACH: 'no route to the host',
  ENETUNREACH: 'no route to the network',
  ENOTFOUND: 'host name not found',
  EAI_AGAIN: 'the name server does not answer',
  ETIMEDOUT: 'connecting took too long',
  UND_ERR_SOCKET: 'connection closed before the answer was complete',
  UND_ERR_HEADERS_OVERFLOW: 'more response headers than are read',
  CERT_HAS_EXPIRED: 'the certificate has expired',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'the certificate is self-signed',
  SELF_SIGNED_CERT_IN_CHAIN: 'the certificate chain is self-signed',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'the certificate is of an unknown authority',
  ERR_TLS_CERT_ALTNAME_INVALID: 'the certificate is for another host',
  EMFILE: 'no file descriptor left on this machine',
  ENFILE: 'no file descriptor left on this machine',
  EADDRNOTAVAIL: 'no local port left on this machine',
}

/** Classes an error of the network, of TLS or of a client library. Whatever else broke on the way is `connect`. */
export function failureOf(thrown: unknown): RequestFailure {
  const error = innermost(thrown)
  const code = codeOf(error)
  const text = error instanceof Error ? error.message : String(error)
  const said = words[code] ?? (text === '' ? 'the connection broke' : text)
  return { class: classOf(code, text), message: toOneLine(code === '' ? said : `${said} (${code})`) }
}

/** The error code when it was this machine that could not ask (EMFILE, EADDRNOTAVAIL, …), else undefined. */
export function ownCode(thrown: unknown): string | undefined {
  const code = codeOf(innermost(thrown))
  return ownCodes.has(code) ? code : undefined
}

/** The class of an answer that a step did not accept: a redirect, an error status, or a 2xx that says the wrong thing. */
export function answerClass(status: number): 'redirect' | 'status' | 'check' {
  if (status >= 200 && status < 300) return 'check'
  return status >= 300 && status < 400 ? 'redirect' : 'status'
}

function classOf(code: string, text: string): FailureClass {
  if (code === 'ENOTFOUND' || code.startsWith('EAI_')) return 'dns'
  if (certificateCode.test(code) || text.includes('before secure TLS connection')) return 'tls'
  return timeoutCodes.has(code) ? 'timeout' : 'connect'
}

// Trying a host's several addresses fails with one error around the others.
function innermost(thrown: unknown): unknown {
  if (thrown instanceof AggregateError && thrown.errors.length > 0) return thrown.errors[0]
  if (thrown instanceof Error && codeOf(thrown) === '' && thrown.cause instanceof Error)
    return innermost(thrown.cause)
  return thrown
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
}
