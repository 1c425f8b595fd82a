import { open, rename, rm } from 'node:fs/promises'
import { jsonOf } from '../../../record/documents/index.ts'
import { keptRunSchema } from '../../../record/history/index.ts'
import type { KeptRun, RunHistory, Series, StepFigures } from '../../../record/history/index.ts'
import { cleanText } from '../../../reports/wording/index.ts'
import { errorCode } from '../../../runtime/processes/index.ts'
import { linesOf } from '../../shared/batch.ts'
import { UsageError } from '../../shared/world.ts'
import { createParquet, runsOfParquet } from './parquet.ts'
import type { RunWriter } from './parquet.ts'

/*
 * History as a file: one run a line or a Parquet file, which another history takes in, or the CSV that Apache
 * Otava reads.
 */

const every = 1_000_000_000
/** Runs of one write. */
const batch = 500

/** Writes the runs of a history to a file, all or none. Returns how many. */
export async function exportHistory(
  index: RunHistory,
  suite: string | undefined,
  file: string,
): Promise<number> {
  const all = await index.series(suite)
  const format = ['.jsonl', '.csv', '.parquet'].find((ending) => file.endsWith(ending))
  if (format === undefined)
    throw new UsageError(
      `--export: found ${JSON.stringify(cleanText(file, 80))}, expected a file.jsonl, .parquet or .csv`,
    )
  if (format === '.csv' && all.length !== 1)
    throw new UsageError(
      `--export: found ${all.length} series, expected one for ${cleanText(file, 80)}: ` +
        'name a suite that ran in one environment, or export a .jsonl',
    )
  const part = `${file}.part`
  let count = 0
  try {
    const writer =
      format === '.parquet' ? await createParquet(part) : await createLines(part, format === '.csv')
    for (const series of all) {
      const runs = await readRuns(index, series)
      count += runs.length
      for (let from = 0; from < runs.length; from += batch) {
        const some = runs.slice(from, from + batch)
        await writer.write(format === '.csv' ? some : await withHistograms(index, some))
      }
    }
    await writer.finish()
    await rename(part, file)
    return count
  } catch (error) {
    await rm(part, { force: true })
    if (!(error instanceof Error) || !('syscall' in error)) throw error
    throw new UsageError(`${file}: cannot be written (${errorCode(error)}): choose another file`)
  }
}

async function createLines(file: string, isCsv: boolean): Promise<RunWriter> {
  const handle = await open(file, 'w', 0o600)
  if (isCsv) await handle.write(`${csvColumns.join(',')}\n`)
  return {
    write: async (runs) => {
      const lines = runs.map((run) => (isCsv ? toCsv(run) : JSON.stringify(run)))
      await handle.write(`${lines.join('\n')}\n`)
    },
    finish: async () => {
      await handle.sync()
      await handle.close()
    },
  }
}

async function readRuns(index: RunHistory, series: Series): Promise<KeptRun[]> {
  const { entries } = await index.runs(series, every)
  const steps = new Map<string, Record<string, StepFigures>>()
  for (const step of await index.steps(series))
    for (const { run, figures, merged } of await index.step(series, step, { newest: every })) {
      if (merged !== undefined) continue
      const own = steps.get(run) ?? {}
      own[step] = figures
      steps.set(run, own)
    }
  return entries.map((entry) => ({ ...entry, steps: steps.get(entry.id) ?? {} }))
}

async function withHistograms(index: RunHistory, runs: readonly KeptRun[]): Promise<KeptRun[]> {
  const found = await index.histograms(runs.map(({ id }) => id))
  return runs.map((run) => {
    const histograms = found.get(run.id)
    return histograms === undefined ? run : { ...run, histograms }
  })
}

/** Otava takes a column for the time, others as attributes, and each further one as a metric. */
const csvColumns = [
  'time',
  'run',
  'commit',
  'p50_ms',
  'p95_ms',
  'p99_ms',
  'mean_ms',
  'error_rate',
  'throughput_rps',
]

function toCsv({ startedAt, id, revision, latency, errorRate, throughputRps }: KeptRun): string {
  const { p50Ms, p95Ms, p99Ms, meanMs } = latency
  return [startedAt, id, revision ?? '', p50Ms, p95Ms, p99Ms, meanMs, errorRate, throughputRps]
    .map((value) =>
      /[",\r\n]/.test(String(value)) ? `"${String(value).replaceAll('"', '""')}"` : String(value),
    )
    .join(',')
}

/**
 * Puts the runs of an exported file into a history. A run that it has already stays as it is. Nothing is put
 * before the whole file was read: a file that was cut changes nothing. Returns how many runs the file has.
 */
export async function importHistory(index: RunHistory, file: string): Promise<number> {
  let count = 0
  // Reads and checks all of it.
  for await (const { id } of runsOf(file)) count += id === '' ? 0 : 1
  if (count === 0)
    throw new UsageError(`${file}: empty, expected the runs that 'vigil history --export' wrote`)
  let next: KeptRun[] = []
  const putNext = async (): Promise<void> => {
    const known = await index.known(next.map(({ id }) => id))
    await index.put(
      next.filter(({ id }) => !known.has(id)),
      [],
    )
    next = []
  }
  for await (const run of runsOf(file)) {
    next.push(run)
    if (next.length === batch) await putNext()
  }
  await putNext()
  // Flushes what was put: the file may be deleted now.
  await index.markSeen(await index.seen())
  return count
}

function runsOf(file: string): AsyncGenerator<KeptRun> {
  return file.endsWith('.parquet') ? runsOfParquet(file) : runsOfLines(file)
}

async function* runsOfLines(file: string): AsyncGenerator<KeptRun> {
  for await (const { number, text, problem } of linesOf(file)) {
    const json = text === undefined ? undefined : jsonOf(text)
    const checked = keptRunSchema.safeParse(json?.state === 'ok' ? json.value : undefined)
    if (!checked.success)
      throw new UsageError(
        problem ?? `${file}:${number}: not a run, expected a line that 'vigil history --export' wrote`,
      )
    yield checked.data
  }
}
