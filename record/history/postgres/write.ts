import type postgres from 'postgres'
import type { KeptRun } from '../entry.ts'
import { stepColumns } from '../entry.ts'
import { momentOf, seriesOf } from '../store.ts'
import type { RunHistory } from '../store.ts'

/** Puts runs in one statement: there and back once. */
export function entryWriter(client: postgres.Sql, place: string): Pick<RunHistory, 'put'> {
  // A month has its part before the first of its runs is put: that waits for other statements, and must not
  // hold rows meanwhile.
  const months = new Set<string>()
  const addMonths = async (entries: readonly KeptRun[]): Promise<void> => {
    for (const startedMs of entries.map(momentOf)) {
      const month = new Date(startedMs).toISOString().slice(0, 7)
      if (months.has(month)) continue
      await client`SELECT vigil_history.add_month(${startedMs})`
      months.add(month)
    }
  }
  return {
    put: async (entries, damaged) => {
      // Of two entries of one run the later one.
      const rows = [...new Map(entries.map((entry) => [entry.id, entry])).values()].map(toRow)
      if (rows.length > 0) await addMonths(entries)
      const putRows = (on: postgres.ISql): Promise<unknown> =>
        on`SELECT vigil_history.put_runs(${JSON.stringify(rows)}::text::jsonb)`
      const putDamaged = (on: postgres.ISql): Promise<unknown> => on`
        INSERT INTO vigil_history.set_aside ${on(damaged.map(({ id, problem }) => ({ place, id, problem })))}
        ON CONFLICT (place, id) DO UPDATE SET problem = excluded.problem`
      if (damaged.length === 0) {
        if (rows.length > 0) await putRows(client)
      } else if (rows.length === 0) await putDamaged(client)
      else await client.begin(async (both) => [await putRows(both), await putDamaged(both)])
    },
  }
}

/** With the names of columns, for `put_runs`. */
function toRow(entry: KeptRun): object {
  const { latency, steps, histograms } = entry
  return {
    ...seriesOf(entry),
    id: entry.id,
    started_ms: momentOf(entry),
    started_at: entry.startedAt,
    duration_ms: entry.durationMs,
    state: entry.state,
    verdict: entry.verdict,
    revision: entry.revision,
    requests: entry.requests,
    errors: entry.errors,
    error_rate: entry.errorRate,
    throughput_rps: entry.throughputRps,
    mean_ms: latency.meanMs,
    p50_ms: latency.p50Ms,
    p90_ms: latency.p90Ms,
    p95_ms: latency.p95Ms,
    p99_ms: latency.p99Ms,
    max_ms: latency.maxMs,
    steps: Object.entries(steps).map(([step, figures]) => [
      step,
      ...stepColumns.map((column) => figures[column]),
    ]),
    ...(histograms !== undefined && { histograms }),
  }
}
