import { describe, expect, it } from 'vitest'
import { runConcurrently, startable } from './run-drills.ts'

const drill = (name: string, ...exclusive: string[]) => ({ name, exclusive })
const names = (drills: { name: string }[]): string => drills.map(({ name }) => name).join('')

describe('the schedule', () => {
  it('lets two drills disturb the same resource, and a third wait for it', () => {
    const disturber = (name: string) => ({ ...drill(name, name), disturbs: ['x'] })
    expect(names(startable([disturber('a'), disturber('b'), drill('c', 'x')], []))).toBe('ab')
    expect(names(startable([disturber('a'), disturber('b')], [drill('c', 'x')]))).toBe('')
  })

  it.each([
    ['drills without common resources', [drill('a', 'x'), drill('b', 'y')], [], 'ab'],
    ['not two with the same resource', [drill('a', 'x'), drill('b', 'x', 'y'), drill('c', 'z')], [], 'ac'],
    [
      'none before an earlier one that has to wait for the same',
      [drill('a', 'x'), drill('b', 'y'), drill('c', 'z')],
      [drill('r', 'y')],
      'ac',
    ],
    [
      'one that conflicts with a waiting one: in its turn',
      [drill('a', 'x', 'y'), drill('b', 'y'), drill('c', 'z')],
      [drill('r', 'x')],
      'c',
    ],
    ['not one that a running drill disturbs', [drill('a', 'x'), drill('b', 'y')], [drill('r', 'x')], 'b'],
    ['one that conflicts with all: alone', [drill('a', '*'), drill('b', 'y')], [], 'a'],
    [
      'one that conflicts with all: later ones wait for it',
      [drill('a', '*'), drill('b', 'y')],
      [drill('r', 'x')],
      '',
    ],
  ])('%s', (_, waiting, running, started) => expect(names(startable(waiting, running))).toBe(started))

  it('runs each once, and none with one that it conflicts with', async () => {
    const now: string[] = []
    const seen: string[] = []
    await runConcurrently(
      [drill('a', 'x'), drill('b', 'x'), drill('c', 'y'), drill('d', '*'), drill('e', 'x')],
      async ({ name }) => {
        now.push(name)
        seen.push(now.join(''))
        await new Promise((resolve) => setImmediate(resolve))
        now.splice(now.indexOf(name), 1)
      },
      () => false,
    )
    expect(seen).toEqual(['a', 'ac', 'cb', 'd', 'e'])
  })

  it('starts no more after a stop, and waits for those that run', async () => {
    const ran: string[] = []
    await runConcurrently(
      [drill('a', 'x'), drill('b', 'x')],
      async ({ name }) => void ran.push(name),
      () => ran.length > 0,
    )
    expect(ran).toEqual(['a'])
  })
})
