import { describe, expect, test } from 'vitest'
import { classifyAnswer } from '../index.ts'
import { toRequestFailure, findLocalErrorCode } from './index.ts'

function coded(code: string, message = 'as the system said it'): Error {
  return Object.assign(new Error(message), { code })
}

describe('an error is classified by where it happened', () => {
  test.each([
    ['a name that is not known', coded('ENOTFOUND'), 'dns'],
    ['a name server that is silent', coded('EAI_AGAIN'), 'dns'],
    ['a refused connection', coded('ECONNREFUSED'), 'connect'],
    ['a reset connection', coded('ECONNRESET'), 'connect'],
    ['an expired certificate', coded('CERT_HAS_EXPIRED'), 'tls'],
    ['a self-signed certificate', coded('DEPTH_ZERO_SELF_SIGNED_CERT'), 'tls'],
    ['a certificate for another host', coded('ERR_TLS_CERT_ALTNAME_INVALID'), 'tls'],
    ['https spoken to an http port', coded('EPROTO'), 'tls'],
    [
      'a connection closed within the handshake',
      coded('ECONNRESET', 'Client network socket disconnected before secure TLS connection was established'),
      'tls',
    ],
    ['a connection that does not come about', coded('ETIMEDOUT'), 'timeout'],
    [
      'all addresses of a host refused',
      new AggregateError([coded('ECONNREFUSED'), coded('ECONNREFUSED')]),
      'connect',
    ],
    ['a library that wraps the cause', new Error('failed', { cause: coded('ENOTFOUND') }), 'dns'],
    ['a value that is not an error', 'boom', 'connect'],
  ])('%s', (_, error, expected) => {
    expect(toRequestFailure(error).class).toBe(expected)
  })
})

test("errors of this machine are distinguished from the target's", () => {
  expect(findLocalErrorCode(coded('EMFILE'))).toBe('EMFILE')
  expect(findLocalErrorCode(new AggregateError([coded('EADDRNOTAVAIL')]))).toBe('EADDRNOTAVAIL')
  expect(findLocalErrorCode(coded('ECONNREFUSED'))).toBeUndefined()
})

test.each(Object.entries({ check: [200, 204], redirect: [302], status: [404, 503] }))(
  'an answer that was not accepted is of class %s: %j',
  (expected, statuses) => {
    for (const status of statuses) expect(classifyAnswer(status), String(status)).toBe(expected)
  },
)
