import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { acceptRuns } from '../../../baselines/accepted/index.ts'
import { simulateSeries } from '../../../bench/detection-study/simulations.ts'
import { exampleRun, countsOf, spread } from '../../../record/testing/examples/runs.ts'
import type { Run } from '../../../record/index.ts'
import { readRecord, runFolder, writeRecord } from '../../../record/store/index.ts'
import { UsageError } from '../../shared/world.ts'
import { runInWorld } from '../../testing/world.ts'
import type { Said } from '../../testing/world.ts'
import { writeBaseline } from '../../shared/baselines.ts'
import { history } from './run.ts'
import type { HistoryOptions } from './command.ts'

let folder = ''

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'vigil-history-'))
  for (let index = 0; index < 24; index += 1) {
    const ms = (index < 12 ? 10 : 13) * (1 + 0.01 * ((index * 7) % 3))
    const id = `20260102-0304${String(index).padStart(2, '0')}-browse`
    await writeRecord(
      await runFolder(folder, id),
      exampleRun(
        { a: countsOf(spread(100, ms, ms * 2)) },
        { id, startedAt: `2026-01-02T03:04:${String(index).padStart(2, '0')}.000Z` },
      ),
    )
  }
  writeFileSync(
    join(await runFolder(folder, '20260102-030499-damaged'), 'record.json'),
    '{"schema":"vigil.run/1"',
  )
  const plan = { runs: 60, noise: 0.02, correlation: 0.3, spikes: 0, gaps: 0.05 }
  writeFileSync(
    join(folder, 'cases.jsonl'),
    [
      { id: 'clean', series: simulateSeries({ ...plan, steps: [] }, 1) },
      { id: 'step', series: simulateSeries({ ...plan, steps: [{ at: 30, factor: 1.3 }] }, 2) },
      { id: 'bad', series: [{}] },
    ]
      .map((line) => JSON.stringify(line))
      .join('\n'),
  )
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** As the command line has them. */
const defaults = { config: 'vigil.config.ts', runs: 1000 }

async function run(
  suite: string | undefined,
  options: Partial<HistoryOptions>,
  env: NodeJS.ProcessEnv = {},
): Promise<Said> {
  return runInWorld(folder, async (world) =>
    history(suite, { ...defaults, out: folder, ...options }, { ...world, env }),
  )
}

describe('vigil history', () => {
  it('shows the runs and where their level changed; names and sets aside a damaged one', async () => {
    const { code, stdout, stderr } = await run('browse', { metric: 'p50Ms' })
    expect(code).toBe(0)
    expect(stdout).toContain('browse  k6, environment')
    expect(stdout).toMatch(
      new RegExp(
        '─ p50Ms \\S+ ms → \\S+ ms \\(\\+30 %\\), about here, ' +
          'between 2026-01-02 03:04 and 2026-01-02 03:04, ' +
          'p \\S+\\n {2}2026-01-02 03:04 {2}p50Ms [\\d.]+ ms {2}' +
          '[\\d.]+ req/s {2}c0ffee {2}20260102-030412-browse',
      ),
    )
    expect(stdout).toMatch(/^ {2}p50Ms [▁▂▃]{12}[▆▇█]{12}$/m)
    expect(stderr).toContain('20260102-030499-damaged/record.json: not JSON')
  })

  it('is quiet about a change that a reviewed file acknowledges', async () => {
    const stored = join(folder, 'baselines', 'stored')
    const change = {
      suite: 'browse',
      run: '20260102-030412-browse',
      reason: 'argon2 costs more',
      owner: 'ana',
    }
    const acknowledge = async (...changes: object[]): Promise<Said> => {
      mkdirSync(stored, { recursive: true })
      writeFileSync(
        join(stored, 'acknowledged.json'),
        JSON.stringify({ schema: 'vigil.acknowledged/1', changes }),
      )
      return run('browse', { metric: 'p50Ms' })
    }
    const quiet = (await acknowledge(change)).stdout
    expect(quiet).toContain(', 0 changes')
    expect(quiet).toContain('acknowledged by ana: argon2 costs more (p50Ms at run 20260102-0304')
    expect(quiet).not.toContain('─ p50Ms')
    for (const other of [{ suite: 'other' }, { metric: 'p95Ms' }, { run: '20260102-030402-browse' }])
      expect((await acknowledge({ ...change, ...other })).stdout).toContain('─ p50Ms')
    await expect(acknowledge({ ...change, reason: '' })).rejects.toThrow(
      /acknowledged\.json: changes\[0\]\.reason/,
    )
    rmSync(stored, { recursive: true })
  })

  it('shows runs of another rate or another URL apart, each with its load and target', async () => {
    const place = mkdtempSync(join(tmpdir(), 'vigil-unlike-'))
    const unlike: Partial<Run>[] = [
      { id: 'a1', target: { url: 'http://127.0.0.1:8000', started: true } },
      { id: 'a2', target: { url: 'http://127.0.0.1:34567', started: true } },
      { id: 'b', target: { url: 'http://127.0.0.1:9000' } },
      {
        id: 'c',
        target: { url: 'http://127.0.0.1:9000' },
        load: { model: 'arrival-rate', ratePerSecond: 500 },
      },
    ]
    for (const changes of unlike)
      await writeRecord(
        await runFolder(place, changes.id ?? ''),
        exampleRun({ a: countsOf(spread(100, 10, 20)) }, changes),
      )
    const { stdout } = await runInWorld(place, async (world) =>
      history('browse', { ...defaults, out: place }, world),
    )
    expect(stdout.match(/^ {2}.* journeys\/s, .*$|^browse.*: \d runs?/gm)).toEqual([
      expect.stringMatching(/: 2 runs$/),
      '  20 journeys/s, http://127.0.0.1 (started by vigil)',
      expect.stringMatching(/: 1 run$/),
      '  20 journeys/s, http://127.0.0.1:9000',
      expect.stringMatching(/: 1 run$/),
      '  500 journeys/s, http://127.0.0.1:9000',
    ])
    rmSync(place, { recursive: true, force: true })
  })

  it('prints one document with --json, changes with the id of their run', async () => {
    const { stdout } = await run(undefined, { json: true })
    const document = JSON.parse(stdout) as {
      groups: { runs: unknown[]; changes: { metric: string; index: number; run: string }[] }[]
      setAside: string[]
    }
    expect([document.groups.length, document.groups[0]?.runs.length, document.setAside.length]).toEqual([
      1, 24, 1,
    ])
    expect(document.groups[0]?.changes.find(({ metric }) => metric === 'p50Ms')).toMatchObject({
      index: 12,
      run: '20260102-030412-browse',
      within: ['20260102-030411-browse', '20260102-030413-browse'],
    })
  })

  it('shows a drift with its slope, since when, and when it reaches the budget of the config', async () => {
    const place = mkdtempSync(join(tmpdir(), 'vigil-drift-'))
    writeFileSync(
      join(place, 'vigil.config.mjs'),
      `export default { target: { url: 'http://127.0.0.1:1' }, journeys: './journeys.mjs', suites: { browse: {
        engine: 'k6', journeys: { home: 1 }, load: { ratePerSecond: 10 }, durationSeconds: 10,
        budgets: { p95Ms: 60 },
      } } }`,
    )
    writeFileSync(
      join(place, 'journeys.mjs'),
      "const request = () => ({ method: 'GET', path: '/' })\n" +
        "export default [{ name: 'home', steps: [{ name: 'get', request }] }]",
    )
    for (let index = 0; index < 40; index += 1) {
      const startedAt = new Date(Date.UTC(2026, 0, 1 + index)).toISOString()
      const id = `${startedAt.slice(0, 10).replaceAll('-', '')}-000000-browse`
      const ms = 20 * 1.01 ** index * (1 + 0.01 * ((index * 7) % 3))
      const run = exampleRun({ a: countsOf(spread(100, ms, ms * 2)) }, { id, startedAt })
      await writeRecord(await runFolder(place, id), run)
    }
    const here = async (options: Partial<HistoryOptions>): Promise<Said> =>
      runInWorld(place, async (world) =>
        history('browse', { ...defaults, config: 'vigil.config.mjs', out: place, ...options }, world),
      )
    const { stdout } = await here({ metric: 'p95Ms' })
    expect(stdout).toContain(' 0 changes')
    expect(stdout.replaceAll(/\s+/g, ' ')).toMatch(
      /╱ p95Ms drifts \+(0\.9\d*|1|1\.\d) % a run \(\S+ % to \S+ %\) since the first of these runs: /,
    )
    expect(stdout).toMatch(/reaches its budget of 60 ms in about (3|4|5) runs, 2026-02-\d\d$/m)
    const document = JSON.parse((await here({ json: true })).stdout) as {
      groups: { drifts: { metric: string; runs: string[]; limit?: number }[] }[]
    }
    expect(document.groups[0]?.drifts.find(({ metric }) => metric === 'p95Ms')).toMatchObject({
      limit: 60,
      runs: ['20260101-000000-browse', '20260209-000000-browse'],
      between: [expect.any(Number), expect.any(Number)],
      at: expect.stringMatching(/^2026-02-/),
    })
    rmSync(place, { recursive: true, force: true })
  })

  it.each(['jsonl', 'parquet'])(
    '--export writes a .%s that --import takes in, each run once',
    async (format) => {
      const place = mkdtempSync(join(tmpdir(), 'vigil-import-'))
      const file = join(place, `runs.${format}`)
      expect((await run('browse', { export: file })).stdout).toBe(`24 runs written to ${file}\n`)
      const there = async (options: Partial<HistoryOptions>): Promise<Said> =>
        runInWorld(place, async (world) => history('browse', { ...defaults, out: place, ...options }, world))
      await there({ import: file })
      expect((await there({ import: file })).stdout).toBe(`24 runs read from ${file}\n`)
      const [original, again] = [join(place, 'original.jsonl'), join(place, 'again.jsonl')]
      await run('browse', { export: original })
      await there({ export: again })
      expect(readFileSync(again, 'utf8')).toBe(readFileSync(original, 'utf8'))
      expect(readFileSync(again, 'utf8')).toContain('"histograms":"')
      expect((await there({ step: 'a', metric: 'p50Ms' })).stdout).toContain('24 runs')
      writeFileSync(file, readFileSync(file).subarray(0, -40))
      await expect(there({ import: file })).rejects.toThrow(/^[^\n]*runs\.[^\n]*, expected [^\n]*$/)
      rmSync(place, { recursive: true, force: true })
    },
  )

  it('--export of a .csv is what Apache Otava reads', async () => {
    const file = join(folder, 'otava.csv')
    await run('browse', { export: file })
    const [head, first, ...rest] = readFileSync(file, 'utf8').trim().split('\n')
    expect(head).toBe('time,run,commit,p50_ms,p95_ms,p99_ms,mean_ms,error_rate,throughput_rps')
    expect(first).toMatch(/^2026-01-02T03:04:00\.000Z,20260102-030400-browse,c0ffee(,[\d.]+){6}$/)
    expect(rest).toHaveLength(23)
    await expect(run('browse', { export: join(folder, 'runs.txt') })).rejects.toThrow('expected a file.jsonl')
    await expect(run('browse', { export: '/nowhere/runs.csv' })).rejects.toThrow(
      '/nowhere/runs.csv: cannot be written (ENOENT): choose another file',
    )
    await expect(run('browse', { export: file, import: file })).rejects.toThrow('expected one of them')
    rmSync(file)
  })

  it('--step shows one step of each run, and its changes', async () => {
    const { stdout } = await run('browse', { step: 'a', metric: 'p50Ms' })
    expect(stdout).toMatch(/^ {2}─ p50Ms .*\(\+30 %\)/m)
    await expect(run('browse', { step: 'b' })).rejects.toThrow(
      '--step: found "b", expected a step of these runs: a',
    )
  })

  it('--latest shows the verdict of the newest run of each suite', async () => {
    const { stdout } = await run(undefined, { latest: true })
    expect(stdout).toMatch(
      /^NOT JUDGED {4}browse {2}k6, environment \S+, 20 journeys\/s, http:\/\/127\.0\.0\.1 \(started by vigil\), 2026-01-02 03:04 {2}20260102-030423-browse\n$/,
    )
  })

  it('--runs sets how many of the newest runs it reads', async () => {
    const { stdout } = await run('browse', { runs: 13, metric: 'p50Ms' })
    expect(stdout).toContain('the newest 13 of 24 runs, 0 changes')
  })

  it('--prune deletes old runs, none that a baseline names; their figures stay in history', async () => {
    const place = mkdtempSync(join(tmpdir(), 'vigil-prune-'))
    cpSync(folder, place, { recursive: true })
    const here = async (options: Partial<HistoryOptions>): Promise<Said> =>
      runInWorld(place, async (world) => history(undefined, { ...defaults, out: place, ...options }, world))
    const [first] = readdirSync(join(place, 'runs'))
    const stored = await readRecord(join(place, 'runs', first ?? ''))
    if (stored.state === 'invalid') throw new Error(stored.problem)
    const accepted = acceptRuns(undefined, [
      { run: stored.run, verdict: { schema: 'vigil.verdict/1', verdict: 'pass', rows: [] } },
    ])
    if (accepted.state === 'invalid') throw new Error(accepted.reasons.join())
    await writeBaseline(join(place, 'baselines', 'stored'), accepted.baseline)
    await here({})
    const { stdout } = await here({ prune: true, keep: 10 })
    // The ten newest: one of them damaged, which is no run less.
    expect(stdout).toBe('14 runs deleted, the newest 10 and 1 of baselines kept\n')
    expect(readdirSync(join(place, 'runs')).filter((id) => id === first)).toEqual([first])
    expect(JSON.parse((await here({ json: true })).stdout)).toMatchObject({ groups: [{ all: 24 }] })
    writeFileSync(join(place, 'baselines', 'stored', 'other.json'), '{')
    await expect(here({ prune: true, keep: 1 })).rejects.toThrow('other.json: not JSON')
    await expect(here({ prune: true })).rejects.toThrow('--prune: found no --keep')
    rmSync(place, { recursive: true, force: true })
  })

  it('--prune deletes no record while the history that lacks it is away', async () => {
    const before = readdirSync(join(folder, 'runs'))
    const { code, stdout, stderr } = await run(
      undefined,
      { prune: true, keep: 1 },
      { VIGIL_DATABASE_URL: 'postgres://127.0.0.1:9/vigil' },
    )
    expect([code, stdout]).toEqual([4, ''])
    expect(stderr).toMatch(/^vigil: nothing was deleted: VIGIL_DATABASE_URL: [^\n]*ECONNREFUSED[^\n]*\n$/)
    expect(readdirSync(join(folder, 'runs'))).toEqual(before)
  })

  it(
    'says in one line that a shared history cannot be reached, and does not take what is here for all ' +
      'of it',
    async () => {
      const { code, stdout, stderr } = await run(
        'browse',
        {},
        { VIGIL_DATABASE_URL: 'postgres://vigil:s3cret@127.0.0.1:9/vigil' },
      )
      expect([code, stdout]).toEqual([4, ''])
      expect(stderr).toMatch(
        new RegExp(
          '^vigil: VIGIL_DATABASE_URL: the history in PostgreSQL at 127\\.0\\.0\\.1:9/vigil ' +
            'cannot be used \\(connect ECONNREFUSED .*\\n$',
        ),
      )
      expect(stderr).not.toContain('s3cret')
    },
  )

  it('--html writes a page with each series, its changes and drifts', async () => {
    const file = join(folder, 'history.html')
    const { code, stdout } = await run(undefined, { html: file, metric: 'p50Ms' })
    expect([code, stdout]).toEqual([0, `1 series written to ${file}\n`])
    const text = readFileSync(file, 'utf8')
    expect(text).toMatch(/<li>p50Ms \S+ ms → \S+ ms \(\+30 %\)/)
    expect(text.match(/class="sample"/g)).toHaveLength(2 * 24)
    await expect(run(undefined, { html: '/nowhere/x.html' })).rejects.toThrow('cannot be written (ENOENT)')
    rmSync(file)
  })

  it('of a suite that never ran is a usage error', async () => {
    await expect(run('brwose', {})).rejects.toThrow(UsageError)
    await expect(run('brwose', {})).rejects.toThrow('no run of suite brwose there yet')
  })

  it('--batch prints the changes of each series by id; names an invalid line and exits 2', async () => {
    const { code, stdout, stderr } = await run(undefined, { batch: join(folder, 'cases.jsonl') })
    const lines = stdout
      .trim()
      .split('\n')
      .map(
        (line) =>
          JSON.parse(line) as {
            id: string
            changes: { index: number; metric: string; before: number; after: number; pValue: number }[]
          },
      )
    expect([code, lines.map(({ id }) => id)]).toEqual([2, ['clean', 'step', 'bad']])
    expect(lines[0]?.changes).toEqual([])
    expect(lines[1]?.changes[0]).toEqual({
      index: expect.closeTo(30, -1),
      metric: expect.any(String),
      before: expect.any(Number),
      after: expect.any(Number),
      pValue: expect.any(Number),
    })
    expect(stderr).toContain('cases.jsonl:3: series[0]: schema: ')
  })
})
