import { z } from 'zod'
import { parseDocument } from '../../record/documents/index.ts'
import { amount } from '../wording.ts'
import type { NoiseMetric, SuiteNoise } from './noise.ts'

/**
 * What is known of a machine's noise, `vigil.noise/1`: measured by `vigil doctor --noise`, kept with the
 * environment that it is of.
 */
export interface KnownNoise {
  schema: 'vigil.noise/1'
  environment: { fingerprint: string; [fact: string]: unknown }
  measuredAt: string
  /** By suite. */
  suites: Record<string, SuiteNoise>
}

export type ReadNoise = { state: 'ok'; noise: KnownNoise } | { state: 'invalid'; problem: string }

const share = z.number().nonnegative()
const metric = z.object({
  deviation: share,
  betweenProcesses: share,
  detectable: z.record(z.string(), share),
})
const count = z.int().nonnegative()
const schema = z.object({
  schema: z.literal('vigil.noise/1'),
  environment: z.looseObject({ fingerprint: z.string() }),
  measuredAt: z.iso.datetime(),
  suites: z.record(
    z.string(),
    z.object({
      units: count,
      processPairs: count,
      unitSeconds: z.number().positive(),
      metrics: z.object({ p50Ms: metric, p95Ms: metric }),
      falseAlarms: z.object({ drawn: count, fail: count, inconclusive: count }),
    }),
  ),
})

export function parseNoise(text: string, where: string): ReadNoise {
  const read = parseDocument(text, where, schema, 'vigil.noise/1')
  return read.state === 'ok'
    ? { state: 'ok', noise: read.value }
    : { state: 'invalid', problem: `${read.problem}: measure again with vigil doctor --noise` }
}

/** The noise of a suite in an environment, when it was measured there. */
export function noiseFor(
  noise: KnownNoise | undefined,
  suite: string,
  fingerprint: string,
): SuiteNoise | undefined {
  return noise?.environment.fingerprint === fingerprint && Object.hasOwn(noise.suites, suite)
    ? noise.suites[suite]
    : undefined
}

const labels: Record<NoiseMetric, string> = { p50Ms: 'p50', p95Ms: 'p95' }

/** One line for a verdict: what this machine can detect, as measured. */
export function formatNoise(noise: SuiteNoise, measuredAt: string): string {
  const { p50Ms, p95Ms } = noise.metrics
  const seen = (key: string): string =>
    `${percent(p50Ms.detectable[key])} / ${percent(p95Ms.detectable[key])}`
  const { drawn, fail, inconclusive } = noise.falseAlarms
  return (
    `noise of this machine (measured ${measuredAt.slice(0, 10)}): p50 ` +
    `${amount('ratio', p50Ms.deviation)}, p95 ${amount('ratio', p95Ms.deviation)} a unit of ` +
    `${Number(noise.unitSeconds.toFixed(1))} s; ` +
    `smallest change of p50 / p95 that a duet sees in 30, 60, 120 s: ` +
    `${seen('30')}, ${seen('60')}, ${seen('120')}; of ${drawn} duets of the same code ${fail} red and ` +
    `${inconclusive} undecided`
  )
}

function percent(ratio: number | undefined): string {
  return ratio === undefined ? 'unknown' : `+${amount('ratio', ratio)}`
}

/**
 * Why a margin is too narrow for this machine, or undefined. One below what even the steadier metric can show
 * in the longest duet would make every verdict inconclusive, or a matter of luck.
 *
 * @param margin as a share
 */
export function findMarginProblem(noise: SuiteNoise, margin: number, suite: string): string | undefined {
  const [least] = (['p50Ms', 'p95Ms'] as const)
    .map((name) => ({ name, detectable: noise.metrics[name].detectable['120'] ?? 0 }))
    .toSorted((a, b) => a.detectable - b.detectable)
  if (!least || margin >= least.detectable) return undefined
  return (
    `found ${amount('ratio', margin)}, expected at least ${amount('ratio', least.detectable)}: as ` +
    `measured here by vigil doctor --noise, a duet of ${suite} cannot see a smaller change of ` +
    `${labels[least.name]} even in 120 s`
  )
}
