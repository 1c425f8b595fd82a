import { execFileSync } from 'node:child_process'
import {
  copyFileSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  statfsSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { entryOf } from '../entry.ts'
import type { RunEntry } from '../entry.ts'
import { historyFile, withHistory } from '../index.ts'
import { historyContract, idsIn } from '../testing/contract.ts'
import type { Use } from '../testing/contract.ts'
import { example, records } from '../testing/records.ts'
import type { Records } from '../testing/records.ts'
import { openIndex } from './database.ts'
import { sqliteHistory } from './history.ts'

let warnings: string[] = []
const over =
  ({ out }: Records): Use =>
  async (look) =>
    withHistory({ out, stamp: () => 'now', warn: (problem) => warnings.push(problem) }, look)

/** The first layout, as it was released. */
function writeOlder({ out: folder }: Records, entries: readonly RunEntry[]): void {
  withDatabase(
    historyFile(folder),
    `CREATE TABLE runs (id TEXT PRIMARY KEY, suite TEXT NOT NULL, engine TEXT NOT NULL,
       environment TEXT NOT NULL, started_ms INTEGER NOT NULL, entry TEXT NOT NULL) STRICT, WITHOUT ROWID;
     CREATE INDEX runs_by_series ON runs (suite, engine, environment, started_ms);
     CREATE TABLE series (suite TEXT NOT NULL, engine TEXT NOT NULL,
       environment TEXT NOT NULL, PRIMARY KEY (suite, engine, environment)) STRICT, WITHOUT ROWID;
     CREATE TABLE set_aside (id TEXT PRIMARY KEY, problem TEXT NOT NULL) STRICT, WITHOUT ROWID;
     CREATE TABLE seen (one INTEGER PRIMARY KEY CHECK (one = 1), state TEXT) STRICT;
     PRAGMA user_version = 1;
     INSERT INTO runs SELECT value->>'id', value->>'suite', value->>'engine', value->>'environment', 0, value
       FROM json_each('${JSON.stringify(entries)}');
     INSERT INTO series SELECT DISTINCT suite, engine, environment FROM runs;
     INSERT INTO seen VALUES (1, '${stateOf(folder)}')`,
  )
}

/** What the index of these records has seen of their folder. */
function stateOf(folder: string): string {
  const { ino, mtimeNs } = statSync(join(folder, 'runs'), { bigint: true })
  return `${ino}:${mtimeNs}`
}

historyContract('a file of SQLite', over, writeOlder)

let there: Records
let out = ''
let use: Use
beforeEach(() => {
  there = records()
  ;({ out } = there)
  use = over(there)
  warnings = []
})
afterEach(() => there.remove())
const keep = (id: string): void => there.keep(id)
const ids = async (): Promise<string[]> => use(idsIn)

describe('a file of history', () => {
  it.each([
    ['cut off', (file: string) => truncateSync(file, 5000)],
    [
      'something else',
      (file: string) =>
        writeFileSync(file, 'not a database at all, but long enough to be taken for one '.repeat(100)),
    ],
    ['with bytes flipped', (file: string) => writeFileSync(file, readFileSync(file).fill(0xff, 4096))],
    ['with an entry that is none', (file: string) => withDatabase(file, "UPDATE runs SET entry = '{}'")],
  ])('%s is set aside by name and made again from the records', async (_, damage) => {
    for (let index = 0; index < 30; index += 1) keep(String(index).padStart(2, '0'))
    await ids()
    damage(historyFile(out))
    const all = await use(async (history) =>
      Promise.all(
        (await history.series()).map(async (series) => (await history.runs(series, 100)).entries.length),
      ),
    )
    expect(all).toEqual([30])
    expect(warnings).toEqual([
      expect.stringContaining('runs.db.damaged-now, and made again from the records'),
    ])
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

  it.skipIf(process.platform !== 'linux' || process.getuid?.() !== 0)(
    'on a full disk is made in memory, and what was there stays (needs root to mount a small one)',
    async () => {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', out])
      try {
        keep('1')
        await ids()
        for (let index = 2; index < 30; index += 1) keep(String(index))
        writeFileSync(join(out, 'filler'), Buffer.alloc(statfsSync(out).bavail * statfsSync(out).bsize))
        expect(await ids()).toHaveLength(29)
        expect(warnings).toEqual([
          expect.stringMatching(
            /runs\.db: cannot be written \(.*\): history is read from the records this time/,
          ),
        ])
        rmSync(join(out, 'filler'))
        warnings = []
        expect(await ids()).toHaveLength(29)
        expect(warnings).toEqual([])
      } finally {
        execFileSync('umount', [out])
      }
    },
  )
})

it('the latest verdict among 100,000 runs takes 0.2 s at most, in processor time', async () => {
  const { database } = openIndex(join(out, 'runs.db'), () => 'now')
  database
    .prepare(`WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 99999)
      INSERT INTO runs (id, suite, engine, environment, started_ms, entry, target, load)
        SELECT 'run-' || i, 'suite-' || (i % 5), 'k6', 'env', i * 60000, replace(?, 'ID', 'run-' || i),
          'http://h', '30 journeys/s' FROM n`)
    .run(JSON.stringify({ ...entryOf(example, 'pass'), id: 'ID' }))
  database.exec('INSERT INTO series SELECT DISTINCT suite, engine, environment, target, load FROM runs')
  const history = sqliteHistory(database)
  const before = process.cpuUsage()
  expect(await history.latest('suite-4')).toMatchObject([{ id: 'run-99999', verdict: 'pass' }])
  expect(await history.latest()).toHaveLength(5)
  const { user, system } = process.cpuUsage(before)
  database.close()
  // Measured at about 0.02 s.
  expect((user + system) / 1000).toBeLessThan(200)
})

function withDatabase(file: string, sql: string): void {
  const database = new DatabaseSync(file)
  database.exec(sql)
  database.close()
}
