import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import postgres from 'postgres'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startPostgres } from '../../../runtime/postgres/index.ts'
import type { PostgresService } from '../../../runtime/postgres/index.ts'
import { entryOf } from '../entry.ts'
import type { RunEntry } from '../entry.ts'
import { HistoryUnavailable, withHistory } from '../index.ts'
import { historyContract, idsIn } from '../testing/contract.ts'
import type { Use } from '../testing/contract.ts'
import { example, records } from '../testing/records.ts'
import type { Records } from '../testing/records.ts'
import { readMigrationFiles } from './tables.ts'

let folder = ''
let service: PostgresService

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'vigil-history-'))
  const started = await startPostgres({
    folder,
    names: { database: 'vigil', owner: 'vigil', monitor: 'monitor' },
  })
  if (started.state === 'failed') throw new Error(started.reason)
  service = started.service
}, 60_000)
afterAll(async () => {
  await service.stop()
  rmSync(folder, { recursive: true, force: true })
})

/** A database without our tables; they are made when it is first used. */
async function fresh(): Promise<string> {
  const admin = postgres(service.databaseUrl, { max: 1, onnotice: () => undefined })
  await admin.unsafe('DROP SCHEMA IF EXISTS vigil_history CASCADE')
  await admin.end()
  return service.databaseUrl
}

function over(there: Records, place = there.out, database = fresh()): Use {
  return async (look) =>
    withHistory(
      {
        out: there.out,
        stamp: () => 'now',
        warn: (problem) => expect.fail(problem),
        database: { url: await database, name: 'VIGIL_DATABASE_URL', place },
      },
      look,
    )
}

let emptied: Promise<string>

/** The first layout, as it was released, with entries and what it has seen of a folder of records. */
async function writeOlder({ out }: Records, entries: readonly RunEntry[], url: string): Promise<void> {
  const admin = postgres(url, { max: 1, onnotice: () => undefined })
  const [first] = readMigrationFiles({
    migrationsFolder: fileURLToPath(new URL('migrations', import.meta.url)),
  })
  if (first === undefined) throw new Error('no migration')
  for (const statement of first.sql) await admin.unsafe(statement)
  await admin.unsafe(
    'CREATE TABLE vigil_history.migrations (id SERIAL PRIMARY KEY, hash text NOT NULL, created_at bigint)',
  )
  await admin`
    INSERT INTO vigil_history.migrations (hash, created_at) VALUES (${first.hash}, ${first.folderMillis})`
  for (const { id, suite, engine, environment, ...entry } of entries) {
    const text = JSON.stringify({ id, suite, engine, environment, ...entry })
    await admin`
      INSERT INTO vigil_history.runs
      VALUES (${id}, ${suite}, ${engine}, ${environment}, 0, ${text}::text::json)`
    await admin`
      INSERT INTO vigil_history.series VALUES (${suite}, ${engine}, ${environment}) ON CONFLICT DO NOTHING`
  }
  const { ino, mtimeNs } = statSync(join(out, 'runs'), { bigint: true })
  await admin`INSERT INTO vigil_history.seen VALUES (${out}, ${`${ino}:${mtimeNs}`})`
  await admin.end()
}

historyContract(
  'PostgreSQL',
  (there) => over(there, there.out, (emptied = fresh())),
  async (there, entries) => writeOlder(there, entries, await emptied),
)

describe('a history that several machines share', () => {
  it('holds the runs of all of them, and shows each only its own damaged records', async () => {
    const [here, elsewhere, database] = [records(), records(), fresh()]
    here.keep('1')
    here.keep('2', { text: '{' })
    elsewhere.keep('3')
    const [mine, theirs] = [over(here, 'here:/out', database), over(elsewhere, 'elsewhere:/out', database)]
    // At the same time, on a database without tables.
    await Promise.all([mine(idsIn), theirs(idsIn)])
    expect(await mine(idsIn)).toEqual(['1', '3'])
    expect((await mine(async (history) => history.setAside())).map(({ id }) => id)).toEqual(['2'])
    expect(await theirs(async (history) => history.setAside())).toEqual([])
    here.remove()
    elsewhere.remove()
  })

  it.each([
    [
      'no server listens there',
      () => 'postgres://vigil:s3cret@127.0.0.1:9/vigil',
      /^VIGIL_DATABASE_URL: the history in PostgreSQL at 127\.0\.0\.1:9\/vigil cannot be used \(connect ECONNREFUSED 127\.0\.0\.1:9\): repair it, or leave VIGIL_DATABASE_URL out to use the records of this machine alone$/,
    ],
    [
      'the password is wrong',
      () => service.databaseUrl.replace(/:[^:@]+@/, ':s3cret@'),
      /\(password authentication failed for user "vigil", 28P01\)/,
    ],
    [
      'the database is not there',
      () => service.databaseUrl.replace(/\/vigil$/, '/nowhere'),
      /\(database "nowhere" does not exist, 3D000\)/,
    ],
    [
      'a parameter is unknown to the server',
      () => `${service.databaseUrl}?nonsense=1`,
      /\(unrecognized configuration parameter "nonsense", 42704\)/,
    ],
    [
      'a file with certificates is not there',
      () => `${service.databaseUrl}?sslmode=verify-full&sslrootcert=/nowhere/ca.pem`,
      /^VIGIL_DATABASE_URL: sslrootcert: \/nowhere\/ca\.pem: ENOENT, expected a file with certi/,
    ],
    [
      'it is no URL',
      () => 'postgres://vigil:s3cret@[::/x',
      /^VIGIL_DATABASE_URL: not a URL of a PostgreSQL, expected postgres:/,
    ],
  ])('says in one line, without a secret, that %s', async (_what, url, words) => {
    const there = records()
    const asked = withHistory(
      {
        out: there.out,
        stamp: () => '',
        warn: () => undefined,
        database: { url: url(), name: 'VIGIL_DATABASE_URL', place: '' },
      },
      idsIn,
    )
    const error: unknown = await asked.catch((problem: unknown) => problem)
    if (!(error instanceof HistoryUnavailable)) throw new Error(`found ${String(error)}`)
    expect(error.message).toMatch(words)
    expect(error.message).not.toMatch(/s3cret|\n/)
    there.remove()
  })

  it('is used with the parameters of other tools', async () => {
    const [there, database] = [records(), fresh()]
    there.keep('1')
    const url = `${await database}?schema=public&connection_limit=5&pgbouncer=true&channel_binding=prefer`
    expect(await over(there, 'here', Promise.resolve(url))(idsIn)).toEqual(['1'])
    there.remove()
  })

  it('writes nothing to be read, once its tables and rows are there', async () => {
    const [there, database] = [records(), fresh()]
    there.keep('1')
    await over(there, 'here', database)(idsIn)
    const admin = postgres(await database, { max: 1 })
    await admin.unsafe('ALTER DATABASE vigil SET default_transaction_read_only = on')
    try {
      expect(await over(there, 'here', database)(async (history) => history.known(['1']))).toEqual(
        new Set(['1']),
      )
    } finally {
      await admin.unsafe(
        'SET default_transaction_read_only = off; ALTER DATABASE vigil RESET default_transaction_read_only',
      )
      await admin.end()
      there.remove()
    }
  })

  it('of a newer vigil is refused in one line, and left as it is', async () => {
    const [there, database] = [records(), fresh()]
    there.keep('1')
    const use = over(there, 'here', database)
    await use(idsIn)
    const admin = postgres(await database, { max: 1 })
    await admin`INSERT INTO vigil_history.migrations (hash, created_at) VALUES ('newer', 9999999999999)`
    there.keep('2')
    await expect(use(idsIn)).rejects.toThrow(
      /^VIGIL_DATABASE_URL: the history in PostgreSQL was written by a newer vigil: update this one[^\n]*$/,
    )
    expect((await admin`SELECT id FROM vigil_history.runs`).map(({ id }) => id as unknown)).toEqual(['1'])
    await admin.end()
    there.remove()
  })

  it('names an entry that another program has put there', async () => {
    const [there, database] = [records(), fresh()]
    there.keep('1')
    const use = over(there, 'here', database)
    await use(idsIn)
    const admin = postgres(await database, { max: 1 })
    await admin`UPDATE vigil_history.runs SET entry = '{}'`
    await admin.end()
    await expect(use(idsIn)).rejects.toThrow(/the entry of run 1 in vigil_history\.runs cannot be read/)
    there.remove()
  })

  it(
    'returns the latest verdict among 100,000 runs without reading them all',
    { timeout: 60_000 },
    async () => {
      const [there, database] = [records(), fresh()]
      const use = over(there, 'here', database)
      await use(idsIn)
      const admin = postgres(await database, { max: 1 })
      const entry = JSON.stringify({ ...entryOf(example, 'pass'), id: 'ID' })
      await admin.unsafe(
        `INSERT INTO vigil_history.runs (id, suite, engine, environment, target, load, started_ms, entry) ` +
          `SELECT 'run-' || i, 'suite-' || (i % 5), 'k6', 'env', 'http://h', '30 journeys/s', ` +
          `i::bigint * 60000, replace('${entry}', 'ID', 'run-' || i)::json FROM generate_series(0, ` +
          '99999) AS i',
      )
      await admin.unsafe(
        'INSERT INTO vigil_history.series SELECT DISTINCT suite, engine, environment, target, load FROM ' +
          'vigil_history.runs; ANALYZE vigil_history.runs',
      )
      const [plan] = await admin
        .unsafe<{ 'QUERY PLAN': string }[]>(
          `EXPLAIN SELECT id FROM vigil_history.runs WHERE suite = 'suite-4' AND engine = 'k6' AND ` +
            `environment = 'env' AND target = 'http://h' AND load = '30 journeys/s' ` +
            'ORDER BY started_ms DESC, id DESC LIMIT 1',
        )
        .then((rows) => [rows.map((row) => row['QUERY PLAN']).join('\n')])
      await admin.end()
      expect(plan).toMatch(/Index (Only )?Scan Backward/)
      expect(
        (await use(async (history) => history.latest('suite-4'))).map(({ id, verdict }) => [id, verdict]),
      ).toEqual([['run-99999', 'pass']])
      expect(await use(async (history) => history.latest())).toHaveLength(5)
      there.remove()
    },
  )
})
