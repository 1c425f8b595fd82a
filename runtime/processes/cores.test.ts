import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { getPriority, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import {
  countUsableCores,
  lowerPriority,
  parseCpuList,
  pinCommand,
  planPinning,
  splitCores,
  watchThrottling,
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

describe('the CPU quota of a control group', () => {
  const root = mkdtempSync(join(tmpdir(), 'vigil-cgroup-'))
  afterAll(() => rmSync(root, { recursive: true, force: true }))
  const write = (group: string, name: string, text: string): void => {
    mkdirSync(join(root, group), { recursive: true })
    writeFileSync(join(root, group, name), `${text}\n`)
  }
  const stat2 = (periods: number, throttled: number, stoppedMs: number): string =>
    `usage_usec 9\nnr_periods ${periods}\nnr_throttled ${throttled}\nthrottled_usec ${stoppedMs * 1e3}`
  const stat1 = (periods: number, throttled: number, stoppedMs: number): string =>
    `nr_periods ${periods}\nnr_throttled ${throttled}\nthrottled_time ${stoppedMs * 1e6}`

  it.each([
    ['of version 2', '0::/pod/box', 'pod', '', ['cpu.max', '30000 100000'], stat2],
    ['of version 2, the root of a container', '0::/elsewhere', '', '', ['cpu.max', '30000 100000'], stat2],
    ['of version 1', '3:cpu,cpuacct:/old/box', 'old/box', 'cpu', ['cpu.cfs_quota_us', '30000'], stat1],
    [
      'of version 1, the root of a container',
      '3:cpu:/outside',
      '',
      'cpu',
      ['cpu.cfs_quota_us', '30000'],
      stat1,
    ],
  ] as const)(
    '%s is 0.3 cores, and what it stopped is counted',
    (_, membership, group, mount, quota, stat) => {
      const folder = join(mount, group)
      const [file, text] = quota
      write(folder, file, text)
      if (mount === 'cpu') write(folder, 'cpu.cfs_period_us', '100000')
      write(folder, 'cpu.stat', stat(1000, 400, 5000))
      const groups = { root, membership }
      let nowMs = 0
      expect(countUsableCores(process.pid, groups)).toBe(0.3)
      const throttled = watchThrottling(process.pid, () => nowMs, groups)
      write(folder, 'cpu.stat', stat(1100, 480, 11_200))
      nowMs = 10_000
      expect(throttled()).toEqual({ quotaCores: 0.3, periodsRatio: 0.8, stoppedRatio: 0.62 })
      rmSync(join(root, folder), { recursive: true })
    },
  )

  it('that does not limit, or is not there, is none', () => {
    write('free', 'cpu.max', 'max 100000')
    write('free', 'cpu.stat', stat2(0, 0, 0))
    for (const membership of ['0::/free', '0::/nowhere', '', '4:memory:/free']) {
      const throttled = watchThrottling(process.pid, () => 0, { root, membership })
      expect(throttled()).toBeUndefined()
    }
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
