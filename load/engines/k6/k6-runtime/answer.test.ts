import { describe, expect, it } from 'vitest'
import { classifyUnanswered, findClientLimit } from './answer.ts'

describe('a request that was not answered is classified by where it failed', () => {
  const failures: Record<string, Record<string, [code: number, message: string]>> = {
    timeout: {
      'a time limit': [1050, 'request timeout'],
      'a connection that is not established': [1211, 'dial: i/o timeout'],
      'a deadline without an own code': [1000, 'context deadline exceeded'],
    },
    dns: {
      'an unknown host name': [1101, 'lookup: no such host'],
      'a name server that fails': [1100, 'lookup: server misbehaving'],
    },
    tls: {
      'a certificate of an unknown authority': [1310, 'x509: unknown certificate authority'],
      'a certificate for another host': [1311, "x509: certificate doesn't match hostname"],
      'an expired certificate': [
        1000,
        'Get "https://h/": tls: failed to verify certificate: x509: certificate has expired',
      ],
    },
    connect: {
      'a refused connection': [1212, 'dial: connection refused'],
      'a reset connection': [1220, 'read: connection reset by peer'],
      'a connection closed before the answer': [1000, 'Get "http://h/": EOF'],
      'an error that k6 has no code for': [9999, 'something new'],
    },
    check: {
      'a header that HTTP does not allow': [1000, 'net/http: invalid header field value for "A"'],
      'a body that cannot be decoded': [1701, 'error decompressing response body (gzip: invalid header)'],
    },
  }
  it.each(Object.entries(failures))('%s', (expected, cases) => {
    for (const [what, [code, message]] of Object.entries(cases))
      expect(classifyUnanswered(code, message), what).toBe(expected)
  })
})

it.each([
  ['dial tcp 127.0.0.1:80: socket: too many open files', 'files'],
  ['dial tcp 127.0.0.1:80: connect: cannot assign requested address', 'ports'],
  ['dial: connection refused', undefined],
])('%s: the resource this machine ran out of is %s', (message, expected) => {
  expect(findClientLimit(message)).toBe(expected)
})
