import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import postgres from 'postgres'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { startPostgres } from '../../../runtime/postgres/index.ts'
import type { PostgresService } from '../../../runtime/postgres/index.ts'
import { freePort, startProcess } from '../../../runtime/services/index.ts'
import type { RunEntry } from '../entry.ts'
import { HistoryUnavailable, withHistory } from '../index.ts'
import { historyContract, idsIn } from '../testing/contract.ts'
import type { Use } from '../testing/contract.ts'
import { records } from '../testing/records.ts'
import type { Records } from '../testing/records.ts'
import { readMigrationFiles } from './tables.ts'

let folder = ''
let service: PostgresService

async function start(): Promise<PostgresService> {
  const names = { database: 'vigil', owner: 'vigil', monitor: 'monitor' }
  const started = await startPostgres({ folder, names })
  if (started.state === 'failed') throw new Error(started.reason)
  return started.service
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'vigil-history-'))
  service = await start()
})
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

/** Starts a PgBouncer with one connection to the database. */
async function startPooler(databaseUrl: string): Promise<{ url: string; stop: () => Promise<unknown> }> {
  const { hostname, port, username, password } = new URL(databaseUrl)
  const place = mkdtempSync(join(tmpdir(), 'vigil-pgbouncer-'))
  // As root, PgBouncer changes to another user.
  chmodSync(place, 0o755)
  const url = new URL(databaseUrl)
  url.port = String(await freePort())
  const [settings, users] = [join(place, 'pgbouncer.ini'), join(place, 'users.txt')]
  writeFileSync(users, `"${username}" "${decodeURIComponent(password)}"\n`)
  writeFileSync(
    settings,
    `[databases]\n* = host=${hostname} port=${port}\n[pgbouncer]\nunix_socket_dir =\n` +
      `listen_addr = 127.0.0.1\nlisten_port = ${url.port}\nauth_type = scram-sha-256\n` +
      `auth_file = ${users}\npool_mode = transaction\ndefault_pool_size = 1\n` +
      (process.getuid?.() === 0 ? 'user = daemon\n' : ''),
  )
  const started = await startProcess({
    name: 'PgBouncer',
    command: [inject('pgbouncer'), settings],
    env: process.env,
    logFile: join(place, 'pgbouncer.log'),
    url: url.href,
    ready: (child) => child.tail('stderr').includes('process up'),
    stopSignal: 'SIGINT',
  })
  if (started.state === 'failed') throw new Error(started.reason)
  const stop = async (): Promise<void> => {
    await started.service.stop()
    rmSync(place, { recursive: true, force: true })
  }
  return { url: url.href, stop }
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

  it.skipIf(inject('pgbouncer') === '')(
    'is used behind a PgBouncer in transaction mode, with parameters of other tools (needs 1.21 or later)',
    async () => {
      const [here, elsewhere] = [records(), records()]
      here.keep('1')
      elsewhere.keep('2')
      const pooled = await startPooler(await fresh())
      const url = `${pooled.url}?schema=public&connection_limit=5&pgbouncer=true&channel_binding=prefer`
      try {
        await expect(over(here, 'here', Promise.resolve(pooled.url))(idsIn)).rejects.toThrow(
          'add pgbouncer=true to the connection string',
        )
        const [mine, theirs] = [here, elsewhere].map((there) => over(there, there.out, Promise.resolve(url)))
        // At the same time, on one connection of the pooler.
        await Promise.all([mine?.(idsIn), theirs?.(idsIn)])
        expect(await mine?.(idsIn)).toEqual(['1', '2'])
      } finally {
        await pooled.stop()
        here.remove()
        elsewhere.remove()
      }
    },
  )

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

  it('that is lost in the middle of an append gets the run from its record next time, once', async () => {
    const [there, database] = [records(), fresh()]
    there.keep('1')
    await over(there, 'here', database)(idsIn)
    there.keep('2')
    const admin = postgres(await database, { max: 2, onnotice: () => undefined })
    const locked = await admin.reserve()
    await locked`BEGIN`
    await locked`LOCK TABLE vigil_history.step_runs IN EXCLUSIVE MODE`
    const lost = over(there, 'here', database)(idsIn).catch((error: unknown) => error)
    const waits = async (): Promise<boolean> =>
      (await admin`SELECT FROM pg_stat_activity WHERE query LIKE '%put_runs%' AND wait_event_type = 'Lock'`)
        .length > 0
    // The run itself is in its table by now, and its steps are not.
    await expect.poll(waits, { timeout: 20_000 }).toBe(true)
    const [pid] = readFileSync(join(folder, 'data', 'postmaster.pid'), 'utf8').split('\n')
    process.kill(Number(pid), 'SIGKILL')
    const error = await lost
    if (!(error instanceof HistoryUnavailable)) throw new Error(`found ${String(error)}`)
    expect(error.message).toMatch(/^VIGIL_DATABASE_URL: the history in PostgreSQL at [^\n]* cannot be used /)
    await admin.end({ timeout: 0 }).catch(() => undefined)
    await service.ended
    service = await start()
    const again = over(there, 'here', Promise.resolve(service.databaseUrl))
    expect(await again(idsIn)).toEqual(['1', '2'])
    const [series] = await again(async (history) => history.series())
    if (series === undefined) throw new Error('no series')
    const steps = await again(async (history) => history.step(series, 'a/b', { newest: 9 }))
    expect(steps.map(({ run }) => run)).toEqual(['1', '2'])
    there.remove()
  })

  it('returns the latest verdict among 100,000 runs without reading them all', async () => {
    const [there, database] = [records(), fresh()]
    const use = over(there, 'here', database)
    await use(idsIn)
    const admin = postgres(await database, { max: 1 })
    await admin.unsafe(
      "INSERT INTO vigil_history.series (suite, engine, environment, target, load) SELECT 'suite-' || i, " +
        "'k6', 'env', 'http://h', '30 journeys/s' FROM generate_series(0, 4) AS i",
    )
    await admin.unsafe(
      `INSERT INTO vigil_history.runs SELECT 'run-' || i, id, i::bigint * 60000, '2026-01-01T00:00:00Z', ` +
        `1000, 'valid', 'pass', 'c0ffee', 10, 0, 0, 10, 1, 1, 1, 1, 1, 1 ` +
        `FROM generate_series(0, 99999) AS i JOIN vigil_history.series ON suite = 'suite-' || (i % 5)`,
    )
    await admin.unsafe('ANALYZE vigil_history.runs')
    const [plan] = await admin
      .unsafe<{ 'QUERY PLAN': string }[]>(
        `EXPLAIN SELECT id FROM vigil_history.runs WHERE series_id = 3 ` +
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
  })
})
