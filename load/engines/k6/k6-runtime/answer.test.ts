import { describe, expect, it } from 'vitest'
import { classifyUnanswered, findClientLimit } from './answer.ts'

describe('a request that was not answered is classified by where it failed', () => {
  it.each([
    [1050, 'request timeout', 'timeout'],
    [1211, 'dial: i/o timeout', 'timeout'],
    [1000, 'context deadline exceeded', 'timeout'],
    [1101, 'lookup: no such host', 'dns'],
    [1100, 'lookup: server misbehaving', 'dns'],
    [1310, 'x509: unknown certificate authority', 'tls'],
    [1311, "x509: certificate doesn't match hostname", 'tls'],
    [1000, 'Get "https://h/": tls: failed to verify certificate: x509: certificate has expired', 'tls'],
    [1212, 'dial: connection refused', 'connect'],
    [1220, 'read: connection reset by peer', 'connect'],
    [1000, 'Get "http://h/": EOF', 'connect'],
    [9999, 'something new', 'connect'],
    [1000, 'net/http: invalid header field value for "A"', 'check'],
    [1701, 'error decompressing response body (gzip: invalid header)', 'check'],
  ])('%i, %s: %s', (code, message, expected) => {
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
