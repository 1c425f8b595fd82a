import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readMessage, readResult } from './messages.ts'
import { formatMessage } from './load.ts'
import type { ProcessMessage, ProcessResult } from './messages.ts'

const nonce = '0123456789abcdef'
const result: ProcessResult = {
  nonce,
  startedAt: '2026-11-20T10:00:00.000Z',
  durationMs: 1000.5,
  offered: 3,
  endpoints: {
    'home/get': {
      requests: 3,
      errors: 1,
      histogram: [
        [0.5, 1],
        [1.25, 1],
      ],
      latencySumMs: 1.7,
    },
  },
  connections: { histogram: [[2, 1]], timeSumMs: 2 },
  failures: [
    {
      step: 'home/get',
      class: 'timeout',
      count: 1,
      firstAtMs: 900,
      example: 'no complete answer within 400 ms',
    },
  ],
  timeline: [
    { atMs: 0, requests: 3, errors: 1, p95Ms: 1.25 },
    { atMs: 1000, requests: 0, errors: 0 },
  ],
  own: { EMFILE: 2 },
  latencyP99Ms: 1.25,
  work: { cpuRatio: 0.5, busyRatio: 0.6, starvedRatio: 0.1, eventLoopP99Ms: 1 },
}

describe('a message of the load process', () => {
  test.each<ProcessMessage>([
    { say: 'progress', phase: 'measure', secondsLeft: 2.5, requestsPerSecond: 100, p95Ms: 1.5, errors: 0 },
    { say: 'progress', phase: 'warmup', secondsLeft: 0, requestsPerSecond: 0, errors: 0 },
    { say: 'begin' },
    { say: 'end' },
    { say: 'usage-error', problem: 'home/get: request threw: no' },
    { say: 'done' },
  ])('is received: $say', (message) => {
    expect(readMessage(nonce, formatMessage(nonce, message).trimEnd())).toEqual(message)
  })

  test.each([
    ['what a journey prints', '{"say":"done"}'],
    ['a line of another run', 'fedcba9876543210 {"say":"done"}'],
    ['an unknown word', `${nonce} {"say":"hello"}`],
    ['more than the message', `${nonce} {"say":"done","and":1}`],
    ['a line cut short', `${nonce} {"say":"do`],
    [
      'a negative count',
      `${nonce} {"say":"progress","phase":"measure","secondsLeft":1,"requestsPerSecond":1,"errors":-1}`,
    ],
  ])('is not %s', (_, line) => {
    expect(readMessage(nonce, line)).toBeUndefined()
  })

  test('whatever it is, does not throw', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        readMessage(nonce, `${nonce} ${text}`)
        expect(readResult(nonce, text)).toBeUndefined()
      }),
    )
  })
})

describe('its result', () => {
  test('is read as it was written', () => {
    expect(readResult(nonce, JSON.stringify(result))).toEqual(result)
  })

  test.each<[string, object]>([
    ['of another run', { nonce: 'fedcba9876543210' }],
    ['without an end of its measurement', { durationMs: null }],
    [
      'with a histogram that is none',
      { endpoints: { 'home/get': { ...result.endpoints['home/get'], histogram: [[1, 2, 3]] } } },
    ],
    [
      'with a bound that is no number',
      { endpoints: { 'home/get': { ...result.endpoints['home/get'], histogram: [[null, 2]] } } },
    ],
    ['with a class that is none', { failures: [{ ...result.failures[0], class: 'bad luck' }] }],
  ])('%s is none', (_, change) => {
    expect(readResult(nonce, JSON.stringify({ ...result, ...change }))).toBeUndefined()
  })

  test('cut short is none', () => {
    expect(readResult(nonce, JSON.stringify(result).slice(0, -1))).toBeUndefined()
  })
})
