import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Verdict } from '../baselines/index.ts'
import { startService } from './testing/service.ts'
import type { Service } from './testing/service.ts'
import { homeSuites, workplace } from './testing/vigil.ts'
import type { Workplace } from './testing/vigil.ts'

let place: Workplace
let service: Service
beforeEach(async () => {
  place = workplace()
  service = await startService((_request, response) => response.end('ok'))
  place.configure({
    target: { url: service.url },
    suites: {
      ...homeSuites,
    },
    budgets: { p95Ms: 500 },
  })
})
afterEach(async () => {
  await service.close()
  place.remove()
})

describe('without k6', { timeout: 60_000 }, () => {
  it('a gate outside CI loads with autocannon and warns about what it skipped', async () => {
    const { code, stdout, stderr } = await place.vigil(['gate', '--target', service.url], {
      env: { VIGIL_K6: '/nowhere/k6' },
    })
    expect(code, stdout).toBe(0)
    expect(stderr).toContain('suite rate was LEFT OUT: VIGIL_K6 names /nowhere/k6, which is not a program')
    expect(stdout).toContain('suite rate was LEFT OUT')
  })

  it('a gate in CI is invalid, exit 4: half a gate is none', async () => {
    const { code, stdout } = await place.vigil(['gate', '--json', '--target', service.url], {
      env: { VIGIL_K6: '/nowhere/k6', CI: 'true' },
    })
    const verdict = JSON.parse(stdout) as Verdict
    expect([verdict.verdict, code]).toEqual(['invalid', 4])
    expect(verdict.rows.find((row) => row.suite === 'rate')).toMatchObject({
      status: 'invalid',
      message: expect.stringContaining('VIGIL_K6'),
    })
  })

  it('a load with it alone is invalid, exit 4, with what to do', async () => {
    const { code, stdout } = await place.vigil(['load', 'rate', '--target', service.url], {
      env: { VIGIL_K6: '/nowhere/k6' },
    })
    expect(code).toBe(4)
    expect(stdout.replaceAll(/\s+/g, ' ')).toContain('correct VIGIL_K6, or unset it')
  })
})

// A real full disk: a small file system in memory. Mounting needs root, as CI and containers have.
const canMount = process.platform === 'linux' && process.getuid?.() === 0
describe.skipIf(!canMount)('on a full disk (needs root to mount a small one)', { timeout: 60_000 }, () => {
  let disk: string
  beforeEach(() => {
    disk = join(place.folder, 'disk')
    mkdirSync(disk)
  })
  afterEach(() => execFileSync('umount', [disk]))

  it('the verdict is printed all the same, exit 4, and nothing half-written is left', async () => {
    // Room for the record, not for all of its reports.
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=32k', 'tmpfs', disk])
    const { code, stdout, stderr } = await place.vigil([
      'load',
      'capacity',
      '--target',
      service.url,
      '--out',
      join(disk, 'out'),
    ])
    expect(stdout).toContain('PASS')
    expect(stderr).toContain('the disk is full')
    expect(code).toBe(4)
    expect(
      readdirSync(disk, { recursive: true })
        .map(String)
        .filter((name) => name.endsWith('.tmp')),
    ).toEqual([])
  })

  it('on which not even a folder can be made, it is said in one line, exit 4', async () => {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4k,nr_inodes=1', 'tmpfs', disk])
    const { code, stderr } = await place.vigil([
      'load',
      'capacity',
      '--target',
      service.url,
      '--out',
      join(disk, 'out'),
    ])
    expect(code).toBe(4)
    expect(stderr).not.toContain('internal error')
    expect(stderr).toMatch(/could not be written: the disk is full/)
  })
})

describe('two at the same time on one target', { timeout: 60_000 }, () => {
  it('the second waits, says so, and both records are whole', async () => {
    const [first, second] = await Promise.all([
      place.vigil(['load', 'capacity', '--json', '--target', service.url]),
      place.vigil(['load', 'capacity', '--json', '--target', service.url]),
    ])
    expect([first.code, second.code]).toEqual([0, 0])
    expect([first, second].filter(({ stderr }) => stderr.includes('is measuring'))).toHaveLength(1)
    expect(readdirSync(join(place.folder, '.vigil', 'runs'))).toHaveLength(2)
  })
})
