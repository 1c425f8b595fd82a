import { describe, expect, it } from 'vitest'
import { endingOf } from './exits.ts'

describe('the way k6 ended', () => {
  it.each([
    [0, 'result'],
    [99, 'result'],
    [110, 'result'],
    [105, 'aborted'],
    [107, 'script'],
    [108, 'script'],
    ...[1, 2, 97, 98, 100, 101, 102, 103, 104, 106, 109, 126, 127, 255].map(
      (code) => [code, 'failed'] as const,
    ),
  ] as const)('with exit code %i is a %s', (code, expected) => {
    expect(endingOf({ state: 'exited', code }).state).toBe(expected)
  })

  it('says whether thresholds were crossed', () => {
    expect(endingOf({ state: 'exited', code: 99 })).toEqual({ state: 'result', thresholdsCrossed: true })
    expect(endingOf({ state: 'exited', code: 0 })).toEqual({ state: 'result', thresholdsCrossed: false })
  })

  it('by a signal or without a start is no measurement, in words', () => {
    expect(endingOf({ state: 'signalled', signal: 'SIGKILL' })).toMatchObject({
      state: 'failed',
      words: 'k6 was ended by SIGKILL',
    })
    expect(endingOf({ state: 'failed', reason: 'not found' })).toMatchObject({
      state: 'failed',
      words: 'k6 could not be started: not found',
    })
    expect(endingOf({ state: 'exited', code: 109 })).toMatchObject({
      words: 'k6 exited with 109 (it crashed)',
    })
  })

  it('is tried again for a taken port, and for nothing else', () => {
    const retried = Array.from({ length: 256 }, (_, code) => code).filter((code) => {
      const ending = endingOf({ state: 'exited', code })
      return ending.state === 'failed' && ending.retry
    })
    expect(retried).toEqual([106])
  })
})
