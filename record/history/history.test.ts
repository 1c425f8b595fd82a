import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statfsSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { countsOf, exampleRun, spread } from '../examples/runs.ts'
import { historyFile, withHistory } from './index.ts'
import type { RunHistory } from './index.ts'
import { openIndex } from './database.ts'
import { comparableOf, entryOf, parseEntry } from './entry.ts'
import { sqliteHistory } from './sqlite.ts'

let out = ''
let warnings: string[] = []
beforeEach(() => {
  out = mkdtempSync(join(tmpdir(), 'vigil-index-'))
  warnings = []
})
afterEach(() => rmSync(out, { recursive: true, force: true }))

const example = exampleRun({ 'a/b': countsOf(spread(40, 1, 9)) })

// Not through writeRecord, which waits for the disk.
function keep(id: string, more: { suite?: string; startedAt?: string; verdict?: string; text?: string } = {}): void {
  const folder = join(out, 'runs', id)
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'record.json'), more.text ?? JSON.stringify({ ...example, id, ...(more.suite && { suite: more.suite }), ...(more.startedAt && { startedAt: more.startedAt }) }))
  if (more.verdict) writeFileSync(join(folder, 'verdict.json'), JSON.stringify({ schema: 'vigil.verdict/1', verdict: more.verdict, rows: [] }))
}

const use = async <T>(look: (history: RunHistory) => T): Promise<T> => withHistory({ out, stamp: () => 'now', warn: (problem) => warnings.push(problem) }, look)
const ids = async (): Promise<string[]> => use((history) => [...history.ids()].toSorted())

describe('the history of runs', () => {
  it('is made from the records when it is not there, and follows what is added', async () => {
    keep('1')
    keep('2', { verdict: 'pass' })
    expect(await ids()).toEqual(['1', '2'])
    keep('3', { verdict: 'fail', startedAt: '2026-02-01T00:00:00Z' })
    expect(await use((history) => history.latest().map(({ id, verdict }) => [id, verdict]))).toEqual([['3', 'fail']])
    expect(warnings).toEqual([])
  })

  it('tells the newest runs of each suite, by when they began, oldest first', async () => {
    for (const [index, id] of ['c', 'a', 'b'].entries()) keep(id, { startedAt: `2026-02-0${index + 1}T00:00:00Z` })
    keep('d', { suite: 'capacity', startedAt: '2026-01-01T00:00:00Z' })
    const [browse, capacity] = await use((history) => history.series().map((series) => history.runs(series, 2)))
    expect([browse?.all, browse?.entries.map(({ id }) => id)]).toEqual([3, ['a', 'b']])
    expect(capacity?.entries.map(({ id }) => id)).toEqual(['d'])
    expect(await use((history) => history.latest('capacity').map(({ id }) => id))).toEqual(['d'])
  })

  it('names a damaged record, uses the rest, and takes it up once it is mended', async () => {
    keep('1')
    keep('2', { text: '{"schema":"vigil.run/1"' })
    keep('3', { text: JSON.stringify({ ...example, id: '3', schema: 'vigil.run/2' }) })
    expect(await use((history) => [[...history.ids()], history.setAside().map(({ id }) => id)])).toEqual([['1'], ['2', '3']])
    keep('2')
    expect(await use((history) => [[...history.ids()].toSorted(), history.setAside().map(({ id }) => id)])).toEqual([['1', '2'], ['3']])
  })

  it('passes over a run that is being made, and has it once it is', async () => {
    mkdirSync(join(out, 'runs', '1'), { recursive: true })
    expect(await ids()).toEqual([])
    keep('1')
    expect(await ids()).toEqual(['1'])
  })

  it('keeps the figures of runs whose records were deleted', async () => {
    keep('1')
    keep('2')
    await ids()
    rmSync(join(out, 'runs', '1'), { recursive: true })
    expect(await ids()).toEqual(['1', '2'])
  })

  it.each([
    ['cut off', (file: string) => truncateSync(file, 5000)],
    ['something else', (file: string) => writeFileSync(file, 'not a database at all, but long enough to be taken for one '.repeat(100))],
    ['with bytes flipped', (file: string) => writeFileSync(file, readFileSync(file).fill(0xff, 4096))],
    ['with an entry that is none', (file: string) => withDatabase(file, "UPDATE runs SET entry = '{}'")],
  ])('%s is set aside by name and made again from the records', async (_, damage) => {
    for (let index = 0; index < 30; index += 1) keep(String(index).padStart(2, '0'))
    await ids()
    damage(historyFile(out))
    const all = await use((history) => history.series().map((series) => history.runs(series, 100).entries.length))
    expect(all).toEqual([30])
    expect(warnings).toEqual([expect.stringContaining('runs.db.damaged-now, and made again from the records')])
    expect(readdirSync(out)).toContain('runs.db.damaged-now')
  })

  it('of a newer vigil is left as it is, and read from the records', async () => {
    keep('1')
    await ids()
    withDatabase(historyFile(out), 'PRAGMA user_version = 99')
    copyFileSync(historyFile(out), join(out, 'before'))
    expect(await ids()).toEqual(['1'])
    expect(warnings).toEqual([expect.stringContaining('written by a newer vigil')])
    expect(readFileSync(historyFile(out)).equals(readFileSync(join(out, 'before')))).toBe(true)
  })

  it.skipIf(process.platform !== 'linux' || process.getuid?.() !== 0)('on a full disk is made in memory, and what was there stays (needs root to mount a small one)', async () => {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', out])
    try {
      keep('1')
      await ids()
      for (let index = 2; index < 30; index += 1) keep(String(index))
      writeFileSync(join(out, 'filler'), Buffer.alloc(statfsSync(out).bavail * statfsSync(out).bsize))
      expect(await ids()).toHaveLength(29)
      expect(warnings).toEqual([expect.stringMatching(/runs\.db: cannot be written \(.*\): history is read from the records this time/)])
      rmSync(join(out, 'filler'))
      warnings = []
      expect(await ids()).toHaveLength(29)
      expect(warnings).toEqual([])
    } finally {
      execFileSync('umount', [out])
    }
  })

  it('is whole with two at once', async () => {
    for (let index = 0; index < 40; index += 1) keep(String(index))
    const found = await Promise.all([ids(), ids(), ids()])
    expect(found.map((each) => each.length)).toEqual([40, 40, 40])
  })
})

it('an entry is read back as it was; what is none is not', () => {
  const entry = entryOf(example, 'pass')
  expect(parseEntry(JSON.stringify(entry))).toEqual(entry)
  for (const text of ['', '{}', 'null', '[1]', JSON.stringify({ ...entry, latency: null })]) expect(parseEntry(text)).toBeUndefined()
  expect(comparableOf(entryOf({ ...example, interrupted: true }, null))).toMatchObject({ interrupted: true })
})

it('the latest verdict among 100,000 runs takes 0.2 s at most, in processor time', () => {
  const { database } = openIndex(join(out, 'runs.db'), () => 'now')
  database
    .prepare(`WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 99999)
      INSERT INTO runs SELECT 'run-' || i, 'suite-' || (i % 5), 'k6', 'env', i * 60000, replace(?, 'ID', 'run-' || i) FROM n`)
    .run(JSON.stringify({ ...entryOf(example, 'pass'), id: 'ID' }))
  database.exec('INSERT INTO series SELECT DISTINCT suite, engine, environment FROM runs')
  const history = sqliteHistory(database)
  const before = process.cpuUsage()
  expect(history.latest('suite-4')).toMatchObject([{ id: 'run-99999', verdict: 'pass' }])
  expect(history.latest()).toHaveLength(5)
  const { user, system } = process.cpuUsage(before)
  history.close()
  // Measured at about 0.02 s.
  expect((user + system) / 1000).toBeLessThan(200)
})

function withDatabase(file: string, sql: string): void {
  const database = new DatabaseSync(file)
  database.exec(sql)
  database.close()
}
