import { z } from 'zod'
import { failureClasses } from '../../record/index.ts'
import type { ProbeResult } from '../outcome.ts'

/** A probe's result as history keeps it. */
export interface HistoryEntry {
  probe: string
  /** The URL it was run against. */
  target: string
  /** Milliseconds since 1970 by the wall clock. */
  startedAtMs: number
  /** Until when it is taken to hold: its next due time with some patience. Null when nobody knew of a schedule. */
  holdsUntilMs: number | null
  result: ProbeResult
}

const step = z.object({
  step: z.string(),
  ok: z.boolean(),
  status: z.number(),
  durationMs: z.number(),
  class: z.enum(failureClasses).exactOptional(),
  message: z.string().exactOptional(),
})

const result = z.looseObject({
  name: z.string(),
  outcome: z.enum(['up', 'degraded', 'down', 'unknown']),
  startedAt: z.string(),
  durationMs: z.number(),
  attempts: z.number(),
  earlier: z
    .array(z.looseObject({ step: z.string(), class: z.enum(failureClasses), message: z.string() }))
    .exactOptional(),
  steps: z.array(step.loose()),
  message: z.string().exactOptional(),
})

const entry = z.object({
  probe: z.string(),
  target: z.string(),
  startedAtMs: z.number(),
  holdsUntilMs: z.number().nullable(),
  result,
})

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
