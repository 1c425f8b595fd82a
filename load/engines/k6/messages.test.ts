import { describe, expect, it } from 'vitest'
import { listen } from './messages.ts'
import type { Messages } from './messages.ts'
import type { ScriptMessage } from './k6-runtime/wire.ts'

function heard(...lines: (ScriptMessage | string)[]): Messages & { started: number } {
  const state = { started: 0 }
  const messages = listen('n', { started: () => (state.started += 1) })
  for (const line of lines) messages.read(typeof line === 'string' ? line : `n ${JSON.stringify(line)}`)
  return { ...messages, started: state.started }
}

describe("what our script says on k6's log", () => {
  it('is told from what k6 and journeys say by the nonce', () => {
    const said = JSON.stringify({ say: 'started' })
    expect(
      heard(said, `other ${said}`, `x n ${said}`, 'n {"say":', 'n null', 'n {"say":"what"}').started,
    ).toBe(0)
    expect(heard(`n ${said}`).started).toBe(1)
  })

  it('tells the first failure of a step and class by its time, not by when it was heard', () => {
    const failure = { say: 'failure', step: 1, class: 'status', example: 'status 500' } as const
    const messages = heard(
      { ...failure, atMs: 900 },
      { ...failure, atMs: 300.4, example: 'a\u001B[2Jb' },
      { ...failure, atMs: 600 },
      { ...failure, step: 2, atMs: -3 },
    )
    expect(messages.first(1, 'status')).toEqual({ atMs: 300, example: 'a [2Jb' })
    expect(messages.first(2, 'status')?.atMs).toBe(0)
    expect(messages.first(1, 'check')).toBeUndefined()
  })

  it('gives each latency once, and keeps a bounded number of them', () => {
    const messages = heard(
      { say: 'sample', latenciesMs: [1, 2] },
      { say: 'sample', latenciesMs: [3] },
      'n {"say":"sample","latenciesMs":["x"]}',
    )
    expect([messages.takeSample(), messages.takeSample()]).toEqual([[1, 2, 3], []])
    const flooded = heard(
      ...Array.from({ length: 2000 }, (): ScriptMessage => ({
        say: 'sample',
        latenciesMs: Array.from({ length: 100 }, () => 1),
      })),
    )
    expect(flooded.takeSample().length).toBeLessThan(20_000)
  })

  it('keeps the first misuse, as one line', () => {
    expect(
      heard(
        { say: 'usage-error', problem: 'a/b: request threw:\nno' },
        { say: 'usage-error', problem: 'later' },
      ).misuse(),
    ).toBe('a/b: request threw: no')
  })
})
