import { execFileSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { coresOf, pinned, pinningHere, sharedOut } from './pinning.ts'

describe('cores', () => {
  it.each([
    ['0,1', [0, 1]],
    ['0-3', [0, 1, 2, 3]],
    ['1,4-6,9', [1, 4, 5, 6, 9]],
    ['', []],
    ['none', []],
  ])('%j are read', (list, cores) => {
    expect(coresOf(list)).toEqual(cores)
  })

  it('are shared out so that both sides have the same and k6 has its own', () => {
    expect(sharedOut([0])).toBeUndefined()
    expect(sharedOut([0, 1])).toEqual({ generator: '0', services: '1' })
    expect(sharedOut([2, 3, 5])).toEqual({ generator: '2', services: '3,5' })
    expect(sharedOut([0, 1, 2, 3])).toEqual({ generator: '0,1', services: '2,3' })
  })

  it('of this machine are those that this process may use', async () => {
    const pinning = await pinningHere(process.pid)
    if (pinning === undefined) return
    const said = execFileSync('taskset', ['-c', pinning.services, 'taskset', '-cp', String(process.pid)], {
      encoding: 'utf8',
    })
    const [generator, services] = [coresOf(pinning.generator), coresOf(pinning.services)]
    expect(coresOf(/: (\S+)\s*$/.exec(said)?.[1] ?? '')).toEqual([...generator, ...services])
  })

  it('are where a command runs, with its children', async () => {
    const pinning = await pinningHere(process.pid)
    if (pinning === undefined) return
    const [program = '', ...args] = pinned(['sh', '-c', 'taskset -cp $$'], pinning.services)
    expect(coresOf(/: (\S+)\s*$/.exec(execFileSync(program, args, { encoding: 'utf8' }))?.[1] ?? '')).toEqual(
      coresOf(pinning.services),
    )
  })
})
