import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Verdict } from '../baselines/index.ts'
import type { Run } from '../record/index.ts'
import { startService } from './testing/service.ts'
import type { Service } from './testing/service.ts'
import { homeSuites, workplace } from './testing/vigil.ts'
import type { Ran, Workplace } from './testing/vigil.ts'

let place: Workplace
let service: Service
beforeEach(async () => {
  place = workplace()
  // Slow enough that a busy machine's generator is not the limit. A mean is judged from 30 answers on, which
  // 20 connections have in a tenth of the second that the load takes.
  service = await startService((_request, response) => void setTimeout(() => response.end('ok'), 50))
  const capacity = { ...homeSuites.capacity, load: { connections: 20 } }
  place.configure({
    target: { url: service.url },
    suites: { ...homeSuites, capacity },
    budgets: { meanMs: 2000 },
  })
})
afterEach(async () => {
  await service.close()
  place.remove()
})

/** A machine without k6, and without what vigil could build or download it with. */
function withoutK6(): NodeJS.ProcessEnv {
  const programs = join(place.folder, 'programs')
  mkdirSync(programs, { recursive: true })
  for (const name of ['sh', 'dirname', 'readlink', 'taskset', 'git'])
    symlinkSync(execFileSync('which', [name], { encoding: 'utf8' }).trim(), join(programs, name))
  return { PATH: programs, VIGIL_TOOLS_DIR: join(place.folder, 'tools'), VIGIL_K6: '' }
}

describe('without k6', () => {
  it.each([
    ['on a laptop', ''],
    ['in CI', 'true'],
  ])('a gate %s is invalid, exit 4: half a gate is none', async (_, CI) => {
    const env = { ...withoutK6(), CI }
    const { code, stdout } = await place.vigil(['gate', '--json', '--target', service.url], { env })
    const verdict = JSON.parse(stdout) as Verdict
    expect([verdict.verdict, code]).toEqual(['invalid', 4])
    expect(verdict.rows.find((row) => row.suite === 'rate')).toMatchObject({
      status: 'invalid',
      message: expect.stringContaining('k6 is not on this machine'),
    })
  })

  it('a gate with --allow-missing-tools loads with autocannon and shows what it skipped', async () => {
    const { code, stdout, stderr } = await place.vigil(
      ['gate', '--allow-missing-tools', '--target', service.url],
      { env: withoutK6() },
    )
    expect(code, stdout).toBe(0)
    expect(stderr).toContain('suite rate was LEFT OUT: k6 is not on this machine')
    expect(stdout).toContain('suite rate was LEFT OUT')
  })

  it('a gate that skips all of its suites is invalid, exit 4: nothing was loaded', async () => {
    const { code, stdout } = await place.vigil(
      ['gate', '--allow-missing-tools', '--engine', 'k6', '--target', service.url],
      { env: withoutK6() },
    )
    expect([code, stdout]).toEqual([4, expect.stringContaining('no suite was run')])
  })

  it('a load with it alone is invalid, exit 4, with what to do', async () => {
    const { code, stdout } = await place.vigil(['load', 'rate', '--target', service.url], {
      env: withoutK6(),
    })
    expect([code, stdout.replaceAll(/\s+/g, ' ')]).toEqual([
      4,
      expect.stringContaining('point VIGIL_K6 to it'),
    ])
  })
})

describe('a tool that a variable names and that is not there is a usage error', () => {
  const k6 = { VIGIL_K6: '/nowhere/k6' }
  const k6Message = 'VIGIL_K6 names /nowhere/k6, which is not a program: correct VIGIL_K6, or unset it'
  it.each([
    ['gate', k6, k6Message],
    ['gate --allow-missing-tools', k6, k6Message],
    ['load rate', k6, k6Message],
    ['ab http://127.0.0.1:1 http://127.0.0.1:2', k6, k6Message],
    ['capacity rate', k6, k6Message],
    ['doctor --noise', k6, k6Message],
    ['probe', { VIGIL_BROWSER: '/nowhere/chromium' }, 'VIGIL_BROWSER names /nowhere/chromium'],
    ['gate', { VIGIL_BROWSER: '/nowhere/chromium' }, 'VIGIL_BROWSER names /nowhere/chromium'],
    ['drill', { VIGIL_PROMETHEUS: '/nowhere/prometheus' }, 'VIGIL_PROMETHEUS names /nowhere/prometheus'],
  ])('vigil %s', async (command, env, says) => {
    place.write('page.spec.ts', '')
    place.configure({
      target: { url: service.url, command: ['false'], ready: '/' },
      probes: { page: { spec: './page.spec.ts' } },
      suites: { ...homeSuites },
      budgets: { p95Ms: 500 },
    })
    const words =
      command === 'doctor --noise'
        ? [...command.split(' '), '--config', 'vigil.config.mjs']
        : command.split(' ')
    const { code, stderr } = await place.vigil(words, { env })
    expect([code, stderr.trim().split('\n')]).toEqual([2, [expect.stringContaining(says)]])
  })
})

// A real full disk: a small file system in memory. Mounting needs root, as CI and containers have.
const canMount = process.platform === 'linux' && process.getuid?.() === 0
describe.skipIf(!canMount)('on a full disk (needs root to mount a small one)', () => {
  let disk: string
  beforeEach(() => {
    disk = join(place.folder, 'disk')
    mkdirSync(disk)
  })
  afterEach(() => execFileSync('umount', [disk]))
  const loadOntoDisk = async (...more: string[]): Promise<Ran> =>
    place.vigil(['load', 'capacity', '--target', service.url, '--out', join(disk, 'out'), ...more])

  it('the verdict is printed all the same, exit 4, and nothing half-written is left', async () => {
    // Room for the record, not for all of its reports.
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=32k', 'tmpfs', disk])
    const { code, stdout, stderr } = await loadOntoDisk()
    expect(stdout).toContain('PASS')
    expect(stderr).toContain('the disk is full')
    expect(code).toBe(4)
    expect(
      readdirSync(disk, { recursive: true })
        .map(String)
        .filter((name) => name.endsWith('.tmp')),
    ).toEqual([])
  })

  it('--json prints one document all the same', async () => {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=32k', 'tmpfs', disk])
    const { code, stdout } = await loadOntoDisk('--json')
    expect((JSON.parse(stdout) as Run).schema).toBe('vigil.run/1')
    expect(code).toBe(4)
  })

  it('on which not even a folder can be made, it is said in one line, exit 4', async () => {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4k,nr_inodes=1', 'tmpfs', disk])
    const { code, stderr } = await loadOntoDisk()
    expect(code).toBe(4)
    expect(stderr).not.toContain('internal error')
    expect(stderr).toMatch(/could not be written: the disk is full/)
  })
})

describe('two at the same time on one target', () => {
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

describe('without budgets', () => {
  beforeEach(() => place.configure({ target: { url: service.url }, suites: { bare: homeSuites.capacity } }))

  const note = 'nothing was judged: suite bare has no budgets'

  it(
    'a load without budgets measures only: exit 0, a note that nothing was judged, and no advice to load ' +
      'longer',
    async () => {
      const { code, stdout } = await place.vigil(['load', 'bare', '--target', service.url])
      const text = stdout.replaceAll(/\s+/g, ' ')
      expect(code, stdout).toBe(0)
      expect(text).toContain(note)
      expect(text).toContain('Next: set budgets for suite bare in the config')
      expect(text).not.toMatch(/longer|higher load/)
      const runs = join(place.folder, '.vigil', 'runs')
      const [id = ''] = readdirSync(runs)
      const verdict = JSON.parse(readFileSync(join(runs, id, 'verdict.json'), 'utf8')) as Verdict
      expect(verdict).toMatchObject({
        verdict: 'inconclusive',
        rows: [
          { metric: 'budgets', status: 'inconclusive', message: expect.stringContaining('no budget is set') },
        ],
      })
    },
  )

  it('with --json it prints the run record, and the note on stderr', async () => {
    const { code, stdout, stderr } = await place.vigil(['load', 'bare', '--json', '--target', service.url])
    expect(code, stderr).toBe(0)
    expect((JSON.parse(stdout) as Run).suite).toBe('bare')
    expect(stderr).toContain(note)
  })

  it('a gate without budgets is inconclusive, exit 3', async () => {
    const { code, stdout } = await place.vigil(['gate', '--target', service.url])
    expect(code, stdout).toBe(3)
    expect(stdout).not.toMatch(/longer|higher load/)
  })
})
