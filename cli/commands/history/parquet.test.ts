import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parquetWriteFile } from 'hyparquet-writer'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { KeptRun } from '../../../record/history/index.ts'
import { UsageError } from '../../shared/world.ts'
import { createParquet, runsOfParquet } from './parquet.ts'

let folder = ''
let file = ''

const runs = Array.from({ length: 30 }, (_, index): KeptRun => {
  const latency = { meanMs: index, p50Ms: index + 0.001, p90Ms: 1e-7, p95Ms: 7.5, p99Ms: 9, maxMs: 1e6 }
  return {
    id: `run-${index}`,
    suite: 'brow"se, ü\n',
    engine: 'k6',
    environment: 'e',
    target: 'http://h',
    load: '20 journeys/s',
    startedAt: '2026-01-02T03:04:05.006Z',
    durationMs: 30_000.5,
    state: index % 3 === 0 ? 'interrupted' : 'valid',
    verdict: index % 2 === 0 ? null : 'fail',
    revision: index % 5 === 0 ? null : 'c0ffee',
    requests: 2 ** 40,
    errors: 0,
    errorRate: 0.1,
    throughputRps: 20,
    latency,
    steps: index === 1 ? {} : { 'a/b': { requests: 1, errors: 0, ...latency } },
    ...(index !== 2 && { histograms: 'AAEC' }),
  }
})

async function read(path: string): Promise<KeptRun[]> {
  const found: KeptRun[] = []
  for await (const run of runsOfParquet(path)) found.push(run)
  return found
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'vigil-parquet-'))
  file = join(folder, 'runs.parquet')
  const writer = await createParquet(file)
  await writer.write(runs.slice(0, 20))
  await writer.write(runs.slice(20))
  await writer.finish()
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** What a reading ends with: it must be runs, or a refusal in one line. */
async function refusalOf(path: string): Promise<string | undefined> {
  try {
    await read(path)
    return undefined
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    return error.message
  }
}

describe('Parquet', () => {
  it('keeps runs as they were', async () => {
    expect(await read(file)).toEqual(runs)
  })

  it('is refused in one line wherever it is cut or changed, or is still whole runs', async () => {
    const whole = readFileSync(file)
    const damaged = join(folder, 'damaged.parquet')
    let refused = 0
    for (let at = 0; at < whole.length; at += 37) {
      const changed = Buffer.from(whole)
      changed[at] = (changed[at] ?? 0) ^ 0xff
      for (const bytes of [whole.subarray(0, at), changed]) {
        writeFileSync(damaged, bytes)
        const refusal = await refusalOf(damaged)
        if (refusal === undefined) continue
        refused += 1
        expect(refusal).toMatch(
          /^[^\n]*damaged\.parquet: [^\n]*, expected a Parquet file that 'vigil [^\n]*$/,
        )
      }
    }
    expect(refused).toBeGreaterThan(whole.length / 37)
  })

  it.each([
    ['another table', [{ name: 'id', data: ['1'], type: 'STRING' as const }]],
    ['no row', [{ name: 'id', data: [], type: 'STRING' as const }]],
    [
      'more rows in a group than it reads at a time',
      [{ name: 'id', data: Array.from({ length: 100_001 }, () => 'x'), type: 'STRING' as const }],
    ],
  ])('reads no run from %s', async (_what, columnData) => {
    const other = join(folder, 'other.parquet')
    parquetWriteFile({ filename: other, columnData, rowGroupSize: 1_000_000 })
    const refusal = await refusalOf(other)
    if (columnData[0]?.data.length === 0) expect(await read(other)).toEqual([])
    else expect(refusal).toMatch(/other\.parquet: (row 1: not a run|100001 rows in 1 row groups, which)/)
  })

  it('that is not there or a folder is refused', async () => {
    expect(await refusalOf(join(folder, 'nowhere.parquet'))).toContain('not a file that can be read')
    expect(await refusalOf(folder)).toContain('not a file that can be read')
  })
})
