import { stat } from 'node:fs/promises'
import { keptRunSchema } from '../../../record/history/index.ts'
import type { KeptRun } from '../../../record/history/index.ts'
import { describeMissingPackage } from '../../../record/index.ts'
import { cleanText } from '../../../reports/wording/index.ts'
import { UsageError } from '../../shared/world.ts'

/*
 * History as Parquet: a row for each run. Its steps are one value of JSON: runs of different suites have
 * different steps.
 */

const columns = [
  ['id', 'STRING'],
  ['suite', 'STRING'],
  ['engine', 'STRING'],
  ['environment', 'STRING'],
  ['target', 'STRING'],
  ['load', 'STRING'],
  ['startedAt', 'STRING'],
  ['durationMs', 'DOUBLE'],
  ['state', 'STRING'],
  ['verdict', 'STRING'],
  ['revision', 'STRING'],
  ['requests', 'DOUBLE'],
  ['errors', 'DOUBLE'],
  ['errorRate', 'DOUBLE'],
  ['throughputRps', 'DOUBLE'],
] as const
const latencies = ['meanMs', 'p50Ms', 'p90Ms', 'p95Ms', 'p99Ms', 'maxMs'] as const

/** Of a file that is read: a million runs of 20 steps have 2 GB, in row groups of 10 MB. */
const limits = { fileBytes: 8 * 2 ** 30, rows: 10_000_000, groupRows: 100_000, groupBytes: 2 ** 29 } as const

/** Where runs are written to, in a format. */
export interface RunWriter {
  write: (runs: readonly KeptRun[]) => Promise<void>
  /** Flushes and closes. */
  finish: () => Promise<void>
}

interface Column {
  name: string
  type: 'STRING' | 'DOUBLE'
  data: (string | number | null)[]
}

function toColumns(runs: readonly KeptRun[]): Column[] {
  return [
    ...columns.map(([name, type]) => ({ name, type, data: runs.map((run) => run[name]) })),
    ...latencies.map((name) => ({
      name,
      type: 'DOUBLE' as const,
      data: runs.map(({ latency }) => latency[name]),
    })),
    { name: 'steps', type: 'STRING', data: runs.map(({ steps }) => JSON.stringify(steps)) },
    { name: 'histograms', type: 'STRING', data: runs.map((run) => run.histograms ?? null) },
  ]
}

/** Each write is a row group. */
export async function createParquet(file: string): Promise<RunWriter> {
  const { fileWriter, ParquetWriter, schemaFromColumnData } = await load(import('hyparquet-writer'))
  const writer = new ParquetWriter({
    writer: fileWriter(file),
    schema: schemaFromColumnData({ columnData: toColumns([]) }),
    createdBy: 'vigil',
  })
  return {
    write: async (runs) => writer.write({ columnData: toColumns(runs), rowGroupSize: limits.groupRows }),
    finish: async () => writer.finish(),
  }
}

/** The runs of a file, a row group in memory at a time. Everything in it is checked, sizes first. */
export async function* runsOfParquet(file: string): AsyncGenerator<KeptRun> {
  const { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } = await load(import('hyparquet'))
  const refuse = (found: string): UsageError =>
    new UsageError(`${file}: ${found}, expected a Parquet file that 'vigil history --export' wrote`)
  const found = await stat(file).catch(() => undefined)
  if (!found?.isFile()) throw refuse('not a file that can be read')
  if (found.size > limits.fileBytes) throw refuse(`${found.size} bytes, more than ${limits.fileBytes}`)
  const buffer = await asyncBufferFromFile(file)
  const metadata = await readOr(parquetMetadataAsync(buffer), refuse)
  const groups = metadata.row_groups.map((group) => ({
    rows: Number(group.num_rows),
    bytes: Number(group.total_byte_size),
  }))
  const rows = groups.reduce((sum, group) => sum + group.rows, 0)
  const isTooLarge = groups.some((one) => one.rows > limits.groupRows || one.bytes > limits.groupBytes)
  if (rows > limits.rows || isTooLarge || groups.some((one) => !(one.rows >= 0 && one.bytes >= 0)))
    throw refuse(`${rows} rows in ${groups.length} row groups, which are too large`)
  let rowStart = 0
  for (const group of groups) {
    const rowEnd = rowStart + group.rows
    const read = await readOr(parquetReadObjects({ file: buffer, metadata, rowStart, rowEnd }), refuse)
    for (const [offset, row] of read.entries()) {
      const run = toRun(row)
      if (run === undefined) throw refuse(`row ${rowStart + offset + 1}: not a run`)
      yield run
    }
    rowStart = rowEnd
  }
}

function toRun(row: Record<string, unknown>): KeptRun | undefined {
  const { steps, histograms, ...fields } = row
  const checked = keptRunSchema.safeParse({
    ...fields,
    latency: Object.fromEntries(latencies.map((name) => [name, row[name]])),
    steps: parseSteps(steps),
    ...(histograms !== null && histograms !== undefined && { histograms }),
  })
  return checked.success ? checked.data : undefined
}

function parseSteps(text: unknown): unknown {
  try {
    return typeof text === 'string' ? JSON.parse(text) : undefined
  } catch {
    return undefined
  }
}

// The library throws whatever a damaged file makes it stumble over.
async function readOr<T>(reading: Promise<T>, refuse: (found: string) => UsageError): Promise<T> {
  try {
    return await reading
  } catch (error) {
    const [line = ''] = (error instanceof Error ? error.message : String(error)).split('\n')
    throw refuse(cleanText(line, 200))
  }
}

async function load<T>(module: Promise<T>): Promise<T> {
  try {
    return await module
  } catch (error) {
    const problem = describeMissingPackage(error)
    throw problem === undefined ? error : new UsageError(problem)
  }
}
