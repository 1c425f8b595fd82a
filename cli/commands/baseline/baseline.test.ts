import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { judgeRun } from '../../../baselines/index.ts'
import { runMaker } from '../../../bench/detection-study/accepted.ts'
import { seeded } from '../../../bench/detection-study/machine.ts'
import type { Run } from '../../../record/index.ts'
import { runFolder } from '../../../record/store/index.ts'
import { writeRun } from '../../shared/artefacts.ts'
import { runInWorld } from '../../testing/world.ts'
import type { Said } from '../../testing/world.ts'
import { UsageError } from '../../shared/world.ts'
import { baseline } from './run.ts'
import type { BaselineAction, BaselineOptions } from './command.ts'
import { report } from '../report/run.ts'

const budgets = { p95Ms: 500, errorRate: 0.1 }
const make = runMaker({ runNoise: 0.01, drift: 0.01 }, seeded(3))
const runs = Array.from({ length: 6 }, (_, index) => make(Math.floor(index / 2)))
const slow = make(3, { all: 1.6 })

let [folder, template] = ['', '']
beforeAll(async () => {
  template = mkdtempSync(join(tmpdir(), 'vigil-baseline-'))
  folder = template
  writeFileSync(
    join(folder, 'journeys.mjs'),
    `export default [{ name: 'home', steps: [{ name: 'get', request: () => ({ method: 'GET', path: ` +
      `'/' }) }] }]\n`,
  )
  const browse = { engine: 'k6', journeys: { home: 1 }, load: { ratePerSecond: 100 }, durationSeconds: 15 }
  const target = { url: 'http://127.0.0.1:9' }
  const config = { target, journeys: './journeys.mjs', suites: { browse }, budgets }
  writeFileSync(join(folder, 'vigil.config.mjs'), `export default ${JSON.stringify(config)}\n`)
  for (const run of [...runs, slow]) await keep(run)
})
// Synced to the disk once, not for each test.
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'vigil-baseline-'))
  cpSync(template, folder, { recursive: true })
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))
afterAll(() => rmSync(template, { recursive: true, force: true }))

async function keep(run: Run): Promise<void> {
  expect(
    await writeRun({
      run,
      budgets,
      verdict: judgeRun(run, budgets),
      folder: await runFolder(join(folder, '.vigil'), run.id),
    }),
  ).toEqual([])
}

const common = { config: 'vigil.config.mjs', out: '.vigil' }
const run = async (
  action: BaselineAction,
  names: string[] = [],
  options: Partial<BaselineOptions> = {},
): Promise<Said> =>
  runInWorld(folder, async (world) => baseline(action, names, { ...common, ...options }, world))
const again = async (id: string): Promise<Said> =>
  runInWorld(folder, async (world) => report(id, common, world))
const ids = runs.map(({ id }) => id)
const stored = (): string => join(folder, 'baselines', 'stored')
const file = (id: string, name: string): string =>
  readFileSync(join(folder, '.vigil', 'runs', id, name), 'utf8')

describe('vigil baseline accept', () => {
  it(
    'takes runs by id, folder and file, writes one file to commit, and says the same again for the ' +
      'same runs',
    async () => {
      const { code, stdout, stderr } = await run('accept', [
        ids[0] ?? '',
        join('.vigil', 'runs', ids[1] ?? ''),
        join('.vigil', 'runs', ids[2] ?? '', 'record.json'),
        ...ids.slice(3),
      ])
      expect([code, stderr]).toEqual([0, ''])
      expect(stdout).toContain('browse  k6, environment simulated: 6 runs\n')
      expect(readdirSync(stored())).toEqual(['browse.simulated.json'])
      const text = readFileSync(join(stored(), 'browse.simulated.json'), 'utf8')
      await run('accept', ids.toReversed())
      expect(readFileSync(join(stored(), 'browse.simulated.json'), 'utf8')).toBe(text)
    },
  )

  it('refuses a red run and one without a verdict, says why, and writes nothing', async () => {
    const [first = '', second = ''] = ids
    rmSync(join(folder, '.vigil', 'runs', first, 'verdict.json'))
    writeFileSync(
      join(folder, '.vigil', 'runs', second, 'verdict.json'),
      file(second, 'verdict.json').replace('"verdict": "pass"', '"verdict": "fail"'),
    )
    const { code, stdout, stderr } = await run('accept', ids)
    expect([code, stdout, existsSync(stored())]).toEqual([2, '', false])
    expect(stderr.trim().split('\n')).toEqual([
      expect.stringContaining(`refused: ${first}: has no verdict`),
      expect.stringContaining(`refused: ${second}: is fail: a failed run never becomes a baseline`),
    ])
  })

  it.each([
    [
      'was inflated',
      ({ totals }: Run) => {
        totals.requests *= 10
        totals.errorRate = totals.errors / totals.requests
      },
      'contradicts itself: totals.requests: found 15000, expected 1500 of its endpoints',
    ],
    [
      'has another digit',
      ({ totals: { latency } }: Run) => (latency.p50Ms /= 2),
      'contradicts itself: totals.latency.p50Ms: found',
    ],
  ])('refuses a run whose total %s: its histograms say otherwise', async (_, change, says) => {
    const [first = ''] = ids
    const record = JSON.parse(file(first, 'record.json')) as Run
    change(record)
    writeFileSync(join(folder, '.vigil', 'runs', first, 'record.json'), JSON.stringify(record))
    const { code, stderr } = await run('accept', ids)
    expect([code, existsSync(stored())]).toEqual([2, false])
    expect(stderr).toContain(says)
  })

  it('refuses a run that breaks the budgets of today, whatever its verdict was then', async () => {
    writeFileSync(
      join(folder, 'strict.config.mjs'),
      readFileSync(join(folder, 'vigil.config.mjs'), 'utf8').replace('"p95Ms":500', '"p95Ms":1'),
    )
    const { code, stderr } = await run('accept', ids.slice(0, 1), { config: 'strict.config.mjs' })
    expect([code, stderr]).toEqual([2, expect.stringContaining('budget < 1 ms')])
  })

  it.each([
    ['no run', [], {}, 'found no run'],
    ['a run that is not there', ['nowhere'], {}, 'nowhere/record.json: not there'],
    ['a new anchor without a reason', ids, { anchor: true }, '--anchor: found no --reason'],
  ] as [string, string[], Partial<BaselineOptions>, string][])(
    'refuses %s in one line',
    async (_, names, options, says) => {
      const problem: unknown = await run('accept', names, options).catch((error: unknown) => error)
      expect(problem).toBeInstanceOf(UsageError)
      expect(String(problem)).toContain(says)
    },
  )
})

describe('a run whose suite has a baseline', () => {
  it('is red in every report when it is slower, and its metrics have the figures of both', async () => {
    await run('accept', ids)
    const { stdout } = await again(slow.id)
    expect(stdout).toMatch(/^FAIL {2}/)
    expect(stdout).toMatch(/p50 \S+ ms of 6 accepted runs → \S+ ms: \+\d+ %/)
    for (const name of ['report.md', 'report.html', 'junit.xml'])
      expect(file(slow.id, name), name).toContain('of 6 accepted runs')
    expect(file(slow.id, 'metrics.prom')).toMatch(
      new RegExp(
        '^vigil_run_baseline_latency_p95_seconds' +
          '\\{suite="browse",environment="default",place="default",engine="k6",' +
          'step="task/list"\\} 0\\.0\\d+$',
        'm',
      ),
    )
    expect(file(slow.id, 'metrics.prom')).toMatch(/^vigil_run_baseline_runs\{.*\} 6$/m)
  })

  it('is not when the loss is waived, which every report shows, until it is over', async () => {
    await run('accept', ids)
    const until = '1970-01-02'
    for (const metric of ['p50Ms', 'p95Ms'])
      await run('waive', ['browse', metric], { loss: 200, reason: 'by <decision>', owner: 'ana', until })
    const { stdout } = await again(slow.id)
    expect(stdout).toMatch(/^PASS {2}/)
    for (const text of [
      stdout.replaceAll(/\s+/g, ' '),
      ...['report.md', 'report.html', 'junit.xml', 'verdict.json'].map((name) => file(slow.id, name)),
    ])
      expect(text).toMatch(
        /accepted until 1970-01-02 by ana, up to (\+|&#43;)200 % (\(|&#40;)by (<|&lt;|&#60;)decision/,
      )
    expect(file(slow.id, 'metrics.prom')).toMatch(/^vigil_run_waived_losses\{.*\} [1-9]/m)
    const waivers = join(stored(), 'waivers.json')
    writeFileSync(waivers, readFileSync(waivers, 'utf8').replaceAll(until, '1969-12-31'))
    expect((await again(slow.id)).stdout.replaceAll(/\s+/g, ' ')).toMatch(
      /^FAIL .*the waiver of ana for it ended on 1969-12-31/,
    )
  })

  it('is not compared with one of another machine: a row that does not change the verdict', async () => {
    await run('accept', ids)
    const elsewhere = { ...slow, id: 'elsewhere', environment: { fingerprint: 'other' } }
    await keep(elsewhere)
    const { stdout } = await again('elsewhere')
    expect(stdout).toMatch(/^PASS {2}/)
    expect(stdout.replaceAll(/\s+/g, ' ')).toContain(
      'not compared: runs were accepted on simulated, this one was measured on other',
    )
  })

  it('says how to have one when there is none', async () => {
    expect((await again(slow.id)).stdout.replaceAll(/\s+/g, ' ')).toContain(
      `accept 5 runs that passed, preferably from different hours: vigil baseline accept ${slow.id}`,
    )
  })

  it.each([
    ['fails its budgets', { p95Ms: 1 }],
    ['has too few requests for its budgets', { errorRate: 1e-7 }],
  ])('says nothing of accepting a run that %s', async (_, strict) => {
    const text = readFileSync(join(folder, 'vigil.config.mjs'), 'utf8')
    writeFileSync(
      join(folder, 'vigil.config.mjs'),
      text.replace(JSON.stringify(budgets), JSON.stringify(strict)),
    )
    const { stdout } = await again(slow.id)
    expect(stdout).toMatch(/^(FAIL|INCONCLUSIVE) {2}/)
    expect(stdout).not.toContain('baseline accept')
  })

  it.each(['browse.simulated.json', 'waivers.json'])(
    'is invalid when %s is damaged: never compared with less',
    async (name) => {
      await run('accept', ids)
      writeFileSync(join(stored(), name), '{"schema":')
      const { stdout } = await again(slow.id)
      expect(stdout).toMatch(/^INVALID {2}/)
      expect(stdout.replaceAll(/\s+/g, '')).toContain(`${name}:notJSON`)
    },
  )
})

describe('a baseline that was edited', () => {
  const path = (): string => join(stored(), 'browse.simulated.json')
  it.each([
    ['a figure', (text: string) => text.replace(/"p95Ms": (\d)/, '"p95Ms": 9$1')],
    ['its anchor', (text: string) => text.replace(/"runs": \["run-0001",/, '"runs": [')],
    ['a date', (text: string) => text.replace('2026-01-01', '2026-01-02')],
    ['its digest', (text: string) => text.replace(/"digest": "sha256:./, '"digest": "sha256:_')],
    ['all of its digest', (text: string) => text.replace(/.*"digest".*\n/, '')],
  ])('in %s is exit 2, with what to do, wherever it is read', async (_, change) => {
    await run('accept', ids)
    const text = readFileSync(path(), 'utf8')
    writeFileSync(path(), change(text))
    expect(readFileSync(path(), 'utf8')).not.toBe(text)
    const what = /browse\.simulated\.json: .*the file was edited; restore it from version control/
    for (const { code, stderr } of [await run('list'), await run('show'), await run('accept', ids)])
      expect([code, stderr]).toEqual([2, expect.stringMatching(what)])
    await expect(again(slow.id)).rejects.toThrow(what)
    await expect(again(slow.id)).rejects.toBeInstanceOf(UsageError)
  })

  it('is not one whose text was only formatted in another way', async () => {
    await run('accept', ids)
    writeFileSync(path(), JSON.stringify(JSON.parse(readFileSync(path(), 'utf8'))))
    expect((await run('list')).code).toBe(0)
  })
})

describe('vigil baseline list and show', () => {
  it('print the budgets, which apply everywhere, the baselines and the waivers', async () => {
    await run('accept', ids)
    await run('waive', ['browse', 'p95Ms'], { loss: 15, reason: 'argon2', owner: 'ana', until: '1970-03-01' })
    const { stdout } = await run('list')
    expect(stdout).toBe(
      'budgets, on every machine: p95 < 500 ms, errors < 10 %\nbrowse  k6, environment simulated: 6 ' +
        'runs, 6 of them the anchor, newest 2026-01-03\nwaiver  browse: p95Ms up to +15 %, 0 days old, ' +
        '60 days left, until 1970-03-01, ana: argon2\n',
    )
    expect(
      (await run('show', ['browse'])).stdout.split('\n').filter((line) => line.endsWith('anchor')),
    ).toHaveLength(6)
    const document = JSON.parse((await run('show', [], { json: true })).stdout) as {
      baselines: { suite: string }[]
    }
    expect(document.baselines.map(({ suite }) => suite)).toEqual(['browse'])
  })

  it('name a file that is damaged, show the others, and exit 2', async () => {
    await run('accept', ids)
    writeFileSync(join(stored(), 'capacity.simulated.json'), '{')
    const { code, stdout, stderr } = await run('show')
    expect([code, stderr]).toEqual([2, expect.stringContaining('capacity.simulated.json: not JSON')])
    expect(stdout).toContain('browse  k6')
  })

  it('of nothing is a usage error', async () => {
    await expect(run('show')).rejects.toThrow("no baseline there yet: create one with 'vigil baseline accept")
    await expect(run('waive', ['browse'])).rejects.toThrow('expected a suite, a metric')
    await expect(run('waive', ['browse', 'p95Ms'], { loss: 10, reason: 'x', owner: 'y' })).rejects.toThrow(
      '--until: found none',
    )
  })
})

describe('vigil baseline ratchet', () => {
  const tally = (candidate: number): object => ({
    pairs: 40,
    up: 0,
    down: 0,
    baseline: 160,
    candidate: 40 * candidate,
    units: 4,
    unitsUp: 0,
    unitsDown: 0,
  })
  function duet(id: string, verdict: string, statements: number): string {
    const place = join(folder, '.vigil', 'duets', id)
    mkdirSync(place, { recursive: true })
    writeFileSync(
      join(place, 'verdict.json'),
      JSON.stringify({ schema: 'vigil.verdict/1', verdict, rows: [], suite: 'browse-duet' }),
    )
    writeFileSync(
      join(place, 'exact.json'),
      JSON.stringify({ 'home/get': { statements: tally(statements) } }),
    )
    return id
  }

  it('lowers counts to those of a duet that passed, by id or folder, in a file to commit', async () => {
    const first = await run('ratchet', [duet('one', 'pass', 4)])
    expect([first.code, first.stdout]).toEqual([
      0,
      expect.stringMatching(
        new RegExp(
          '^browse home/get: statements 4, for the first time\\n.*counts\\.json: commit it; ' +
            'vigil ab --exact statements=ratchet enforces it\\n$',
        ),
      ),
    ])
    expect((await run('ratchet', [join('.vigil', 'duets', duet('two', 'pass', 3))])).stdout).toContain(
      'browse home/get: statements 4 → 3\n',
    )
    expect((await run('ratchet', [duet('three', 'pass', 5)])).stdout).toBe(
      'no count was lower than the accepted ones\n',
    )
    expect(JSON.parse(readFileSync(join(stored(), 'counts.json'), 'utf8'))).toEqual({
      schema: 'vigil.counts/1',
      suites: { browse: { 'home/get': { statements: 3 } } },
    })
    expect(
      JSON.parse((await run('ratchet', [duet('four', 'pass', 2)], { json: true })).stdout),
    ).toMatchObject({
      schema: 'vigil.ratchet/1',
      lowered: [{ suite: 'browse', step: 'home/get', metric: 'statements', from: 3, to: 2 }],
    })
    // The file is none of a baseline.
    expect((await run('list')).code).toBe(0)
  })

  it.each([
    ['a duet that failed', () => duet('red', 'fail', 1), 'ended as fail, expected a duet that passed'],
    ['one that is not there', () => 'nowhere', 'nowhere: no such duet, expected its folder, or its id under'],
    [
      'one whose counts are damaged',
      () => (
        writeFileSync(
          join(folder, '.vigil', 'duets', duet('bad', 'pass', 1), 'exact.json'),
          '{"a":{"statements":{}}}',
        ),
        'bad'
      ),
      'exact.json: a.statements.pairs: ',
    ],
    ['none', () => [], 'ratchet: found no duet'],
  ])('refuses %s', async (_what, name, words) => {
    await expect(run('ratchet', [name()].flat())).rejects.toThrow(words)
    expect(existsSync(join(stored(), 'counts.json'))).toBe(false)
  })
})
