import { join } from 'node:path'
import { rm, stat } from 'node:fs/promises'
import { jsonOf } from '../documents/index.ts'
import { entryOf } from './entry.ts'
import type { KeptRun, RunEntry } from './entry.ts'
import { describeMissingPackage } from '../optional-packages.ts'
import type { withPostgres as WithPostgres } from './postgres/connect.ts'
import { HistoryUnavailable } from './store.ts'
import type { RunHistory, SetAside, HistoryDatabase } from './store.ts'
import { readText } from '../store/decode.ts'
import { listRuns, readRecord } from '../store/store.ts'
import { withSqlite } from './sqlite/history.ts'
import type { SqliteOptions } from './sqlite/history.ts'

/**
 * Runs whose folders may go, oldest first: all but the `keep` newest and those named in `never` (what
 * baselines rest on). A run without a record is left alone, because it may be one that is being made.
 */
export async function prunable(out: string, keep: number, never: ReadonlySet<string>): Promise<string[]> {
  const old = (await listRuns(out))
    .slice(keep)
    .filter((id) => !never.has(id))
    .toReversed()
  const finished = await Promise.all(
    old.map(async (id) =>
      stat(join(out, 'runs', id, 'record.json')).then(
        () => true,
        () => false,
      ),
    ),
  )
  return old.filter((_, index) => finished[index])
}

/** Deletes the folders of runs; their figures stay in history for as long as its index does. */
export async function prune(out: string, ids: readonly string[]): Promise<void> {
  for (const id of ids) await rm(join(out, 'runs', id), { recursive: true, force: true })
}

/** Entries of one write: a rebuild that is interrupted keeps what it has. */
const batch = 500

/**
 * Brings the index up to the records under `<out>/runs/`. Cheap when nothing changed: a folder in which no
 * run was begun or deleted has the time of change that it had. A run without a record yet is one that is
 * being made, and is read again. `progress` receives the number of new runs that were read, and of all.
 */
export async function syncHistory(
  history: RunHistory,
  out: string,
  progress: (done: number, all: number) => void = () => undefined,
): Promise<void> {
  // Before the folder is read: what is begun after this changes it again.
  const state = await stateOf(join(out, 'runs'))
  if (state !== undefined && state === (await history.seen())) return
  const there = await listRuns(out)
  const known = await history.known(there)
  const added = there.filter((id) => !known.has(id)).toReversed()
  await history.forgetSetAside()
  let open = 0
  for (let from = 0; from < added.length; from += batch) {
    const read = await Promise.all(added.slice(from, from + batch).map(async (id) => readRun(out, id)))
    const damaged = read.filter((one) => typeof one !== 'string' && 'problem' in one)
    // Both may be otherwise the next time, without the folder above them having changed.
    open += damaged.length + read.filter((one) => one === 'open').length
    await history.put(
      read.filter((one) => typeof one !== 'string' && 'suite' in one),
      damaged,
    )
    progress(Math.min(from + batch, added.length), added.length)
  }
  await history.markSeen(open === 0 ? state : undefined)
}

async function stateOf(folder: string): Promise<string | undefined> {
  try {
    const { ino, mtimeNs } = await stat(folder, { bigint: true })
    return `${ino}:${mtimeNs}`
  } catch {
    return undefined
  }
}

/**
 * A folder without a record that was last touched so much earlier than the one above it will have none any
 * more.
 */
const abandonedMs = 86_400_000

/** A run as history keeps it; `open` while it may yet have a record. */
async function readRun(out: string, id: string): Promise<KeptRun | SetAside | 'open' | 'abandoned'> {
  const folder = join(out, 'runs', id)
  const stored = await readRecord(folder)
  if (stored.state === 'ok') return { ...entryOf(stored.run, await verdictIn(folder)), id }
  if (!stored.problem.includes('record.json: not there')) return { id, problem: stored.problem }
  const [own, above] = await Promise.all([changedMs(folder), changedMs(join(out, 'runs'))])
  return above - own > abandonedMs ? 'abandoned' : 'open'
}

async function changedMs(path: string): Promise<number> {
  return stat(path).then(
    ({ mtimeMs }) => mtimeMs,
    () => Number.POSITIVE_INFINITY,
  )
}

const words = ['pass', 'fail', 'inconclusive', 'invalid'] as const

async function verdictIn(folder: string): Promise<RunEntry['verdict']> {
  const json = jsonOf(await readText(join(folder, 'verdict.json')).catch(() => ''))
  if (
    json.state === 'invalid' ||
    typeof json.value !== 'object' ||
    json.value === null ||
    !('verdict' in json.value)
  )
    return null
  const { verdict } = json.value
  return words.find((word) => word === verdict) ?? null
}

export interface HistoryOptions extends SqliteOptions {
  /** A PostgreSQL that several machines keep their history in; a file next to the runs when there is none. */
  database?: HistoryDatabase | undefined
  progress?: (done: number, all: number) => void
}

/**
 * Uses the history of runs, brought up to date with the records under `out` first. Throws
 * `HistoryUnavailable` for a database that cannot be used.
 */
export async function withHistory<T>(
  options: HistoryOptions,
  use: (history: RunHistory) => Promise<T> | T,
): Promise<T> {
  const { database, out, progress } = options
  const synced = async (history: RunHistory): Promise<T> => {
    await syncHistory(history, out, progress)
    return use(history)
  }
  if (database === undefined) return withSqlite(options, synced)
  const { withPostgres } = await importPostgres()
  return withPostgres(database, synced)
}

async function importPostgres(): Promise<{ withPostgres: typeof WithPostgres }> {
  try {
    return await import('./postgres/connect.ts')
  } catch (error) {
    const problem = describeMissingPackage(error)
    throw problem === undefined ? error : new HistoryUnavailable(problem)
  }
}
