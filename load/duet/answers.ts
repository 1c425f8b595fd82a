import { addPair, closeUnit, exactMetrics, emptyTally } from '../../baselines/exact/index.ts'
import type { ExactMetric, ExactTallies } from '../../baselines/exact/index.ts'
import { toStepKey } from '../../journeys/index.ts'
import type { Journey } from '../../journeys/index.ts'
import type { PlayedJourney } from '../engines/k6/k6-runtime/wire.ts'
import type { PlayedPair, Unit } from './units.ts'

/**
 * What a service reports of one answer in its `Server-Timing` header; fields that it does not report are
 * absent. Times in milliseconds.
 */
export interface ServerTiming {
  appMs?: number
  dbMs?: number
  statements?: number
  rows?: number
}

const fields: Record<string, keyof ServerTiming> = {
  app: 'appMs',
  db: 'dbMs',
  sql: 'statements',
  rows: 'rows',
}

/**
 * Reads `app;dur=1.2, db;dur=3.4, sql;desc="5", rows;desc="20"`: times in `dur`, counts in `desc`, the format
 * that vigil asks a service for (`docs/detection.md`). Metrics with other names are ignored, and so are
 * values that are not numbers from 0 up.
 */
export function readServerTiming(header: string): ServerTiming {
  const timing: ServerTiming = {}
  for (const part of header.split(',')) {
    const [name = '', ...parameters] = part.split(';').map((text) => text.trim())
    const field = Object.hasOwn(fields, name) ? fields[name] : undefined
    const value = parameters
      .map((text) => /^(?:dur|desc)="?(\d+(?:\.\d+)?)"?$/.exec(text)?.[1])
      .find((digits) => digits !== undefined)
    if (field !== undefined && value !== undefined) timing[field] = Number(value)
  }
  return timing
}

/** One step of a played journey, with its key and the values of its header. */
export interface StepAnswer {
  key: string
  /** −1 when it was never answered. */
  latencyMs: number
  failure: number
  bytes: number
  timing: ServerTiming
  traceId: string | undefined
}

/** The answers of a played journey; `journeys` as in the script's plan. */
export function readAnswers(
  [, journey, , , steps]: PlayedJourney,
  journeys: readonly Journey[],
): StepAnswer[] {
  const { name, steps: known } = journeys[journey] ?? { name: 'unknown', steps: [] }
  return steps.map(([latencyMs, failure, bytes, header, traceId], index) => ({
    key: toStepKey(name, known[index]?.name ?? 'unknown'),
    latencyMs,
    failure,
    bytes,
    timing: readServerTiming(header),
    traceId,
  }))
}

/**
 * Whether a failure cut a journey short: data that a later step would have removed may remain, on that side
 * alone.
 */
export function isCutShort([, , , , steps]: PlayedJourney): boolean {
  return steps.some(([, failure]) => failure !== 0)
}

/**
 * Counts a unit's answers pair by pair, where both sides answered as expected.
 *
 * @param isExcluded of a pair: its user's data differs between the sides for another reason than the code
 */
export function countExactly(
  unit: Unit,
  journeys: readonly Journey[],
  isExcluded: (pair: PlayedPair) => boolean = () => false,
): ExactTallies {
  const tallies: ExactTallies = {}
  for (const pair of unit.pairs) {
    if (isExcluded(pair)) continue
    const candidates = readAnswers(pair.candidate, journeys)
    for (const [index, baseline] of readAnswers(pair.baseline, journeys).entries()) {
      const candidate = candidates[index]
      if (candidate === undefined || baseline.failure !== 0 || candidate.failure !== 0) continue
      const step = (tallies[baseline.key] ??= {})
      for (const metric of exactMetrics) {
        const [before, after] = [readCount(baseline, metric), readCount(candidate, metric)]
        if (before !== undefined && after !== undefined)
          step[metric] = addPair(step[metric] ?? emptyTally, before, after)
      }
    }
  }
  return closeUnit(tallies)
}

function readCount({ bytes, timing }: StepAnswer, metric: ExactMetric): number | undefined {
  if (metric !== 'bytes') return timing[metric]
  return bytes < 0 ? undefined : bytes
}
