import { describe, expect, it } from 'vitest'
import { collectMessages, readMessage } from './messages.ts'
import type { CollectedMessages } from './messages.ts'
import type { ScriptMessage } from './k6-runtime/wire.ts'

function collect(...messages: unknown[]): CollectedMessages {
  const collected = collectMessages()
  for (const message of messages) {
    const read = readMessage(`n ${JSON.stringify(message)}`, 'n')
    if (read !== undefined) collected.add(read)
  }
  return collected
}

describe("a line of k6's log", () => {
  it('is a message when it has the nonce and is complete', () => {
    expect(readMessage('n0nce {"type":"started"}', 'n0nce')).toEqual({ type: 'started' })
    expect(
      readMessage('n0nce {"type":"played","journey":[4,0,1.5,3.25,[[1.25,0,59,"db;dur=1"]]]}', 'n0nce'),
    ).toEqual({ type: 'played', journey: [4, 0, 1.5, 3.25, [[1.25, 0, 59, 'db;dur=1']]] })
    const traced = [4, 0, 1.5, 3.25, [[1.25, 0, 59, '', 'a'.repeat(32)]]]
    expect(readMessage(`n0nce ${JSON.stringify({ type: 'played', journey: traced })}`, 'n0nce')).toEqual({
      type: 'played',
      journey: traced,
    })
  })

  const played = (journey: string): string => `n0nce {"type":"played","journey":${journey}}`
  it.each([
    ["k6's own", 'time="…" level=info'],
    ['without the nonce', '{"type":"started"}'],
    ['with another nonce', `other {"type":"started"}`],
    ['with the nonce in another place', 'x n0nce {"type":"started"}'],
    ['cut short', 'n0nce {"type":"played","journey":[4,0,1'],
    ['with a negative arrival', played('[-4,0,1,3,[]]')],
    ['with a latency that is not a number', played('[4,0,1,3,[["1",0,0,""]]]')],
    ['with an unknown failure', played('[4,0,1,3,[[1,99,0,""]]]')],
    ['with an invalid trace id', played('[4,0,1,3,[[1,0,0,"","0AF7"]]]')],
    ['with a sample that is not a number', 'n0nce {"type":"sample","latenciesMs":["x"]}'],
    ['with an array', 'n0nce [1]'],
    ['with null', 'n0nce null'],
    ['of an unknown type', 'n0nce {"type":"other"}'],
  ])('is not a message when it is %s', (_what, line) => {
    expect(readMessage(line, 'n0nce')).toBeUndefined()
  })
})

describe('the messages of a load script', () => {
  it('give the first failure of a step and class by its time, not by its arrival', () => {
    const failure = { type: 'failure', step: 1, class: 'status', example: 'status 500' } as const
    const messages = collect(
      { ...failure, atMs: 900 },
      { ...failure, atMs: 300.4, example: 'a\u001B[2Jb' },
      { ...failure, atMs: 600 },
      { ...failure, step: 2, atMs: -3 },
    )
    expect(messages.firstFailure(1, 'status')).toEqual({ atMs: 300, example: 'a [2Jb' })
    expect(messages.firstFailure(2, 'status')?.atMs).toBe(0)
    expect(messages.firstFailure(1, 'check')).toBeUndefined()
  })

  it('keep the statuses and at most three ids of a step and class, and no id that may be harmful', () => {
    const failure = { type: 'failure', step: 1, class: 'status', example: 'x', atMs: 1 } as const
    const ids = ['a', 'a', 'b', '<b>', 'c\u001B[2J', 'd', 'e']
    const messages = collect(...ids.map((id, n) => ({ ...failure, status: n % 2 === 0 ? 500 : 503, id })), {
      ...failure,
      step: 2,
      status: 9000,
    })
    expect(messages.firstFailure(1, 'status')).toMatchObject({
      statuses: [500, 503],
      requestIds: ['a', 'b', 'd'],
    })
    expect(messages.firstFailure(2, 'status')).toEqual({ atMs: 1, example: 'x' })
    const many = collect(...Array.from({ length: 50 }, (_, n) => ({ ...failure, status: 500 + n })))
    expect(many.firstFailure(1, 'status')?.statuses).toHaveLength(6)
  })

  it('give each latency once, and keep a bounded number of them', () => {
    const messages = collect(
      { type: 'sample', latenciesMs: [1, 2] },
      { type: 'sample', latenciesMs: [3] },
      { type: 'sample', latenciesMs: ['x'] },
    )
    expect([messages.drainSample(), messages.drainSample()]).toEqual([[1, 2, 3], []])
    const flooded = collect(
      ...Array.from({ length: 2000 }, (): ScriptMessage => ({
        type: 'sample',
        latenciesMs: Array.from({ length: 100 }, () => 1),
      })),
    )
    expect(flooded.drainSample().length).toBeLessThan(20_000)
  })

  it('give the first usage error, as one line without control characters', () => {
    const messages = collect(
      { type: 'usage-error', problem: 'a/b: request threw:\n\u001B[31mno' },
      { type: 'usage-error', problem: 'later' },
    )
    expect(messages.usageError()).toBe('a/b: request threw: [31mno')
  })

  it('give whether the script has started', () => {
    expect([collect().hasStarted(), collect({ type: 'started' }).hasStarted()]).toEqual([false, true])
  })
})
