import type { ProbeOutcome, ProbeResult } from '../../../record/index.ts'
import type { HistoryEntry } from '../store.ts'

/** An entry of a probe that runs every `everyMs`. */
export function entryAt(
  startedAtMs: number,
  outcome: ProbeOutcome = 'up',
  more: { probe?: string; everyMs?: number | null; result?: Partial<ProbeResult> } = {},
): HistoryEntry {
  const { probe = 'health', everyMs = 30_000, result } = more
  return {
    probe,
    target: 'http://127.0.0.1:8000',
    startedAtMs,
    holdsUntilMs: everyMs === null ? null : startedAtMs + everyMs * 1.5,
    result: {
      name: probe,
      outcome,
      startedAt: new Date(startedAtMs).toISOString(),
      durationMs: 5,
      attempts: 1,
      steps: [{ step: 'get', ok: outcome !== 'down', status: 200, durationMs: 5 }],
      ...result,
    },
  }
}
