import { execFileSync } from 'node:child_process'
import { getPriority } from 'node:os'
import { describe, expect, it } from 'vitest'
import {
  countUsableCores,
  lowerPriority,
  parseCpuList,
  pinCommand,
  planPinning,
  splitCores,
} from './cores.ts'

describe('a CPU list', () => {
  it.each([
    ['0,1', [0, 1]],
    ['0-3', [0, 1, 2, 3]],
    ['1,4-6,9', [1, 4, 5, 6, 9]],
    ['', []],
    ['none', []],
  ])('%j has its cores', (list, cores) => {
    expect(parseCpuList(list)).toEqual(cores)
  })
})

describe('pinning', () => {
  it('gives both sides the same cores and k6 the others', () => {
    expect(splitCores([0])).toBeUndefined()
    expect(splitCores([0, 1])).toEqual({ generator: '0', services: '1' })
    expect(splitCores([2, 3, 5])).toEqual({ generator: '2', services: '3,5' })
    expect(splitCores([0, 1, 2, 3])).toEqual({ generator: '0,1', services: '2,3' })
  })

  it('divides the cores that this process may use', async () => {
    const pinning = await planPinning(process.pid)
    if (pinning === undefined) return
    const output = execFileSync('taskset', ['-c', pinning.services, 'taskset', '-cp', String(process.pid)], {
      encoding: 'utf8',
    })
    const [generator, services] = [parseCpuList(pinning.generator), parseCpuList(pinning.services)]
    expect(parseCpuList(/: (\S+)\s*$/.exec(output)?.[1] ?? '')).toEqual([...generator, ...services])
    expect(countUsableCores(process.pid)).toBeLessThanOrEqual(generator.length + services.length)
  })

  it('starts a command on its cores, with its children', async () => {
    const pinning = await planPinning(process.pid)
    if (pinning === undefined) return
    const [program = '', ...args] = pinCommand(['sh', '-c', 'taskset -cp $$'], pinning.services)
    const output = execFileSync(program, args, { encoding: 'utf8' })
    expect(parseCpuList(/: (\S+)\s*$/.exec(output)?.[1] ?? '')).toEqual(parseCpuList(pinning.services))
  })
})

describe('lowerPriority', () => {
  it('has the lowest priority until it is restored, or the usual one where it cannot be restored', () => {
    const usual = getPriority()
    const restore = lowerPriority()
    const during = getPriority()
    restore()
    expect([19, usual, usual + 1]).toContain(during)
    expect(during === 19 ? getPriority() : usual).toBe(usual)
  })
})
