import { describe, expect, test } from 'vitest'
import { parseTraceparent, createScope, formatTraceparent } from '../../http/scope.ts'

const trace = '0af7651916cd43dd8448eb211c80319c'
const span = 'b7ad6b7169203331'
const arrival = { method: 'GET', requestId: undefined, address: '127.0.0.1' }

describe('traceparent', () => {
  test.each([
    [`00-${trace}-${span}-01`, true],
    [`00-${trace}-${span}-00`, false],
    [`00-${trace}-${span}-ff`, true],
    [`cc-${trace}-${span}-01-what-the-future-will-be`, true],
  ])('%s is joined', (header, sampled) => {
    expect(parseTraceparent(header, undefined)).toEqual({
      traceId: trace,
      spanId: span,
      sampled,
      tracestate: undefined,
    })
    const scope = createScope({ ...arrival, traceparent: header })
    expect(formatTraceparent(scope)).toMatch(
      new RegExp(`^00-${trace}-(?!${span})[0-9a-f]{16}-0${sampled ? 1 : 0}$`),
    )
  })

  test.each([
    ['of nothing', ''],
    ['of version ff', `ff-${trace}-${span}-01`],
    ['of version 00 with more', `00-${trace}-${span}-01-more`],
    ['in capitals', `00-${trace.toUpperCase()}-${span}-01`],
    ['with no trace', `00-${'0'.repeat(32)}-${span}-01`],
    ['with no span', `00-${trace}-${'0'.repeat(16)}-01`],
    ['sent twice', `00-${trace}-${span}-01, 00-${trace}-${span}-01`],
    ['of dashes', `00-${'-'.repeat(10_000)}`],
  ])('%s is as good as none', (_what, header) => {
    expect(parseTraceparent(header, 'k=v')).toBeUndefined()
    expect(formatTraceparent(createScope({ ...arrival, traceparent: header }))).toMatch(
      /^00-(?!0af7)[0-9a-f]{32}-[0-9a-f]{16}-00$/,
    )
  })

  test('comes with a tracestate, unless that is longer than 512 characters', () => {
    expect(parseTraceparent(`00-${trace}-${span}-01`, 'vendor=1')?.tracestate).toBe('vendor=1')
    expect(
      parseTraceparent(`00-${trace}-${span}-01`, `vendor=${'1'.repeat(506)}`)?.tracestate,
    ).toBeUndefined()
  })
})
