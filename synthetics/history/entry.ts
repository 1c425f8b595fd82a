import { z } from 'zod'
import { probeResultSchema } from '../../record/documents/index.ts'
import type { ProbeResult } from '../../record/index.ts'

const entry = z.object({
  probe: z.string(),
  /** The URL it was run against. */
  target: z.string(),
  /** Milliseconds since 1970 by the wall clock. */
  startedAtMs: z.number(),
  /** Until when it is taken to hold: its next due time with some patience. Null when no schedule was known. */
  holdsUntilMs: z.number().nullable(),
  result: probeResultSchema,
})
/** A probe's result as history keeps it. */
export type HistoryEntry = z.infer<typeof entry>

/** Reads an entry back; undefined for what is none. */
export function parseEntry(text: string): HistoryEntry | undefined {
  try {
    const parsed = entry.safeParse(JSON.parse(text))
    return parsed.success ? parsed.data : undefined
  } catch {
    return undefined
  }
}

export function entryOf(probeResult: ProbeResult, target: string, holdsUntilMs: number | null): HistoryEntry {
  return {
    probe: probeResult.name,
    target,
    startedAtMs: Date.parse(probeResult.startedAt),
    holdsUntilMs,
    result: probeResult,
  }
}
