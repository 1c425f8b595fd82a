import { z } from 'zod'
import type { ComparableRun, Endpoint, Run } from '../index.ts'
import { identifyLoad, identifyTarget } from '../environment.ts'
import { jsonOf } from '../documents/index.ts'
import { scriptSteps } from './script-steps.ts'
import { packHistograms } from './packed.ts'

const amount = z.number()
/** The target and the load of an entry of an older history whose record is gone. */
export const unknownKey = 'unknown'

export const runEntrySchema = z.object({
  id: z.string(),
  suite: z.string(),
  engine: z.string(),
  /** Fingerprint of the environment. */
  environment: z.string(),
  /** What identifies the target. */
  target: z.string().default(unknownKey),
  /** The offered load. */
  load: z.string().default(unknownKey),
  startedAt: z.string(),
  durationMs: amount,
  state: z.enum(['valid', 'invalid', 'interrupted']),
  /** Null when the run has no verdict. */
  verdict: z.enum(['pass', 'fail', 'inconclusive', 'invalid']).nullable(),
  revision: z.string().nullable(),
  requests: amount,
  errors: amount,
  errorRate: amount,
  throughputRps: amount,
  latency: z.object({
    meanMs: amount,
    p50Ms: amount,
    p90Ms: amount,
    p95Ms: amount,
    p99Ms: amount,
    maxMs: amount,
  }),
})
/** What history keeps of a run: its overall figures, and how it was judged. The record has the rest. */
export type RunEntry = z.infer<typeof runEntrySchema>

/** The figures of one step of a run, as narrow as they can be searched: histograms stay in the record. */
export type StepFigures = Pick<RunEntry, 'requests' | 'errors'> & RunEntry['latency']

export const stepColumns = [
  'requests',
  'errors',
  'meanMs',
  'p50Ms',
  'p90Ms',
  'p95Ms',
  'p99Ms',
  'maxMs',
] as const satisfies (keyof StepFigures)[]

const mostFigure = 1e38
const latencyColumns = runEntrySchema.shape.latency.shape
/** An entry to be kept, with its steps by `journey/step`. */
export const keptRunSchema = runEntrySchema.extend({
  steps: z.record(
    z.string(),
    z
      .object({ requests: amount, errors: amount, ...latencyColumns })
      .refine((figures) => Object.values(figures).every((figure) => Math.abs(figure) < mostFigure), {
        error: 'expected figures that a 4-byte number can hold',
      }),
  ),
  /** The histograms of the steps (`packed.ts`) in base64; missing in exports of an older vigil. */
  histograms: z.base64().optional(),
})
export type KeptRun = z.infer<typeof keptRunSchema>

/** One step of one run. */
export interface StepRun {
  /** Of merged runs what identifies them all. */
  run: string
  startedMs: number
  figures: StepFigures
  /** Several runs as one: their number, and how long they took in all. */
  merged?: { runs: number; durationMs: number }
}

export function entryOf(run: Run, verdict: RunEntry['verdict']): KeptRun {
  const { requests, errors, errorRate, throughputRps, latency } = run.totals
  const { meanMs, p50Ms, p90Ms, p95Ms, p99Ms, maxMs } = latency
  return {
    id: run.id,
    suite: run.suite,
    engine: run.engine,
    environment: run.environment.fingerprint,
    target: identifyTarget(run.target),
    load: identifyLoad(run.load),
    startedAt: run.startedAt,
    durationMs: run.durationMs,
    state: run.interrupted ? 'interrupted' : run.validity.valid ? 'valid' : 'invalid',
    verdict,
    revision: run.target.revision ?? null,
    requests,
    errors,
    errorRate,
    throughputRps,
    latency: { meanMs, p50Ms, p90Ms, p95Ms, p99Ms, maxMs },
    steps: {
      ...Object.fromEntries(
        Object.entries(run.endpoints).map(([step, endpoint]) => [step, toStepFigures(endpoint)]),
      ),
      ...scriptSteps(run),
    },
    histograms: packHistograms(
      Object.fromEntries(Object.entries(run.endpoints).map(([step, { histogram }]) => [step, histogram])),
    ).toString('base64'),
  }
}

function toStepFigures({ requests, errors, latency }: Endpoint): StepFigures {
  const { meanMs, p50Ms, p90Ms, p95Ms, p99Ms, maxMs } = latency
  return { requests, errors, meanMs, p50Ms, p90Ms, p95Ms, p99Ms, maxMs }
}

/** Merged runs of a series in the form of one run. */
export function entryOfMerged(
  { run, startedMs, figures, merged }: StepRun & Required<Pick<StepRun, 'merged'>>,
  series: Pick<RunEntry, 'suite' | 'engine' | 'environment' | 'target' | 'load'>,
): RunEntry {
  const { requests, errors, ...latency } = figures
  return {
    id: run,
    ...series,
    startedAt: new Date(startedMs).toISOString(),
    durationMs: merged.durationMs,
    state: 'valid',
    verdict: null,
    revision: null,
    requests,
    errors,
    errorRate: requests === 0 ? 0 : errors / requests,
    throughputRps: merged.durationMs === 0 ? 0 : requests / (merged.durationMs / 1000),
    latency,
  }
}

/** An entry with the figures of one of its steps in place of the overall ones. */
export function withStep(entry: RunEntry, { requests, errors, ...latency }: StepFigures): RunEntry {
  return {
    ...entry,
    requests,
    errors,
    errorRate: requests === 0 ? 0 : errors / requests,
    throughputRps: entry.requests === 0 ? 0 : (entry.throughputRps * requests) / entry.requests,
    latency,
  }
}

/** Reads an entry back; undefined for what is none. */
export function parseEntry(text: string): RunEntry | undefined {
  const json = jsonOf(text)
  return json.state === 'invalid' ? undefined : checkEntry(json.value)
}

function checkEntry(value: unknown): RunEntry | undefined {
  const parsed = runEntrySchema.safeParse(value)
  return parsed.success ? parsed.data : undefined
}

/** The part of a record that change points are found in. */
export function comparableOf({
  id,
  state,
  requests,
  errors,
  errorRate,
  throughputRps,
  latency,
}: RunEntry): ComparableRun {
  return {
    schema: 'vigil.run/1',
    id,
    totals: { requests, errors, errorRate, throughputRps, latency },
    endpoints: {},
    ...(state === 'interrupted' && { interrupted: true }),
    validity: { valid: state !== 'invalid', reasons: [] },
  }
}
