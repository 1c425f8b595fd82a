import { describe, expect, it } from 'vitest'
import { runAtOnce, startable } from './schedule.ts'

const drill = (name: string, ...exclusive: string[]) => ({ name, exclusive })
const names = (drills: { name: string }[]): string => drills.map(({ name }) => name).join('')

describe('drills at once', () => {
  it('lets two spoil the same for a third, which waits', () => {
    const spoiler = (name: string) => ({ ...drill(name, name), disturbs: ['x'] })
    expect(names(startable([spoiler('a'), spoiler('b'), drill('c', 'x')], []))).toBe('ab')
    expect(names(startable([spoiler('a'), spoiler('b')], [drill('c', 'x')]))).toBe('')
  })

  it.each([
    ['what disturbs nothing of each other', [drill('a', 'x'), drill('b', 'y')], [], 'ab'],
    ['not two of the same', [drill('a', 'x'), drill('b', 'x', 'y'), drill('c', 'z')], [], 'ac'],
    ['not what is disturbed by one that runs', [drill('a', 'x'), drill('b', 'y')], [drill('r', 'x')], 'b'],
    ['one that disturbs all: alone', [drill('a', '*'), drill('b', 'y')], [], 'a'],
    ['one that disturbs all: it is waited for', [drill('a', '*'), drill('b', 'y')], [drill('r', 'x')], ''],
  ])('%s', (_, waiting, running, started) => expect(names(startable(waiting, running))).toBe(started))

  it('runs each once, and none beside one that it disturbs', async () => {
    const now: string[] = []
    const seen: string[] = []
    await runAtOnce(
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

  it('starts no more once it is stopped, and waits for those that run', async () => {
    const ran: string[] = []
    await runAtOnce(
      [drill('a', 'x'), drill('b', 'x')],
      async ({ name }) => void ran.push(name),
      () => ran.length > 0,
    )
    expect(ran).toEqual(['a'])
  })
})
