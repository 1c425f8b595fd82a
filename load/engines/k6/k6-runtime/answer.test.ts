import { describe, expect, it } from 'vitest'
import { classifyUnanswered, findClientLimit } from './answer.ts'

describe('a request that was not answered is classified by where it failed', () => {
  it.each([
    ['a time limit', 1050, 'request timeout', 'timeout'],
    ['a connection that is not established', 1211, 'dial: i/o timeout', 'timeout'],
    ['an unknown host name', 1101, 'lookup: no such host', 'dns'],
    ['a name server that fails', 1100, 'lookup: server misbehaving', 'dns'],
    ['a certificate of an unknown authority', 1310, 'x509: unknown certificate authority', 'tls'],
    ['a certificate for another host', 1311, "x509: certificate doesn't match hostname", 'tls'],
    [
      'an expired certificate',
      1000,
      'Get "https://h/": tls: failed to verify certificate: x509: certificate has expired',
      'tls',
    ],
    ['a refused connection', 1212, 'dial: connection refused', 'connect'],
    ['a reset connection', 1220, 'read: connection reset by peer', 'connect'],
    ['a connection closed before the answer', 1000, 'Get "http://h/": EOF', 'connect'],
    ['a header that HTTP does not allow', 1000, 'net/http: invalid header field value for "A"', 'check'],
    ['a deadline without an own code', 1000, 'context deadline exceeded', 'timeout'],
    [
      'a body that cannot be decoded',
      1701,
      'error decompressing response body (gzip: invalid header)',
      'check',
    ],
    ['an error that k6 has no code for', 9999, 'something new', 'connect'],
  ] as const)('%s', (_, code, message, expected) => {
    expect(classifyUnanswered(code, message)).toBe(expected)
  })
})

it.each([
  ['dial tcp 127.0.0.1:80: socket: too many open files', 'files'],
  ['dial tcp 127.0.0.1:80: connect: cannot assign requested address', 'ports'],
  ['dial: connection refused', undefined],
])('%s: the resource this machine ran out of is %s', (message, expected) => {
  expect(findClientLimit(message)).toBe(expected)
})
