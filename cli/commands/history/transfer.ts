import { open, rename, rm } from 'node:fs/promises'
import { jsonOf } from '../../../record/documents/index.ts'
import { keptRunSchema } from '../../../record/history/index.ts'
import type { KeptRun, RunHistory, Series, StepFigures } from '../../../record/history/index.ts'
import { cleanText } from '../../../reports/wording/index.ts'
import { errorCode } from '../../../runtime/processes/index.ts'
import { linesOf } from '../../shared/batch.ts'
import { UsageError } from '../../shared/world.ts'

/*
 * History as a file: one run a line, which another history takes in, or the CSV that Apache Otava reads.
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
  const isCsv = file.endsWith('.csv')
  if (!isCsv && !file.endsWith('.jsonl'))
    throw new UsageError(
      `--export: found ${JSON.stringify(cleanText(file, 80))}, expected a file.jsonl or .csv`,
    )
  if (isCsv && all.length !== 1)
    throw new UsageError(
      `--export: found ${all.length} series, expected one for ${cleanText(file, 80)}: ` +
        'name a suite that ran in one environment, or export a .jsonl',
    )
  const part = `${file}.part`
  let count = 0
  try {
    const handle = await open(part, 'w', 0o600)
    try {
      if (isCsv) await handle.write(`${csvColumns.join(',')}\n`)
      for (const series of all) {
        const runs = await readRuns(index, series)
        count += runs.length
        for (let from = 0; from < runs.length; from += batch) {
          const lines = runs
            .slice(from, from + batch)
            .map((run) => (isCsv ? toCsv(run) : JSON.stringify(run)))
          await handle.write(`${lines.join('\n')}\n`)
        }
      }
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(part, file)
    return count
  } catch (error) {
    await rm(part, { force: true })
    if (!(error instanceof Error) || !('syscall' in error)) throw error
    throw new UsageError(`${file}: cannot be written (${errorCode(error)}): choose another file`)
  }
}

async function readRuns(index: RunHistory, series: Series): Promise<KeptRun[]> {
  const { entries } = await index.runs(series, every)
  const steps = new Map<string, Record<string, StepFigures>>()
  for (const step of await index.steps(series))
    for (const { run, figures } of await index.step(series, step, { newest: every })) {
      const own = steps.get(run) ?? {}
      own[step] = figures
      steps.set(run, own)
    }
  return entries.map((entry) => ({ ...entry, steps: steps.get(entry.id) ?? {} }))
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
 * Puts the runs of an exported file into a history. A run that it has already stays once. Nothing is put
 * before the whole file was read: a file that was cut changes nothing.
 */
export async function importHistory(index: RunHistory, file: string): Promise<number> {
  const runs: KeptRun[] = []
  for await (const { number, text, problem } of linesOf(file)) {
    const json = text === undefined ? undefined : jsonOf(text)
    const checked = keptRunSchema.safeParse(json?.state === 'ok' ? json.value : undefined)
    if (!checked.success)
      throw new UsageError(
        problem ?? `${file}:${number}: not a run, expected a line that 'vigil history --export' wrote`,
      )
    runs.push(checked.data)
  }
  if (runs.length === 0) throw new UsageError(`${file}: empty, expected one run per line`)
  for (let from = 0; from < runs.length; from += batch) await index.put(runs.slice(from, from + batch), [])
  // Flushes what was put: the file may be deleted now.
  await index.markSeen(await index.seen())
  return runs.length
}
