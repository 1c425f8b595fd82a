import { join } from 'node:path'
import { findMarginProblem, noiseFor, formatNoise, parseNoise } from '../../baselines/noise/index.ts'
import type { KnownNoise } from '../../baselines/noise/index.ts'
import { cleanText } from '../../reports/wording/index.ts'
import { readIfPresent, UsageError } from './world.ts'

/** Where what is known of this machine's noise is kept. */
export function noiseFile(out: string): string {
  return join(out, 'noise.json')
}

/** What was measured of this machine's noise; undefined when nothing was, or it cannot be read, which is told. */
export async function readNoise(
  out: string,
  warn: (problem: string) => void,
): Promise<KnownNoise | undefined> {
  const file = noiseFile(out)
  const text = await readIfPresent(file)
  if (text === undefined) return undefined
  const read = parseNoise(text, file)
  if (read.state === 'read') return read.noise
  warn(cleanText(read.problem, 600))
  return undefined
}

/** The noise of a suite here in one line for a verdict; undefined when it was not measured. */
export async function noiseNote(
  out: string,
  suite: string,
  fingerprint: string,
  warn: (problem: string) => void,
): Promise<string | undefined> {
  const known = await readNoise(out, warn)
  const noise = noiseFor(known, suite, fingerprint)
  return noise && known && `${suite}: ${formatNoise(noise, known.measuredAt)}`
}

/** Refuses a margin (a share) that this machine cannot tell for one of the suites, with the explanation. */
export async function refuseNarrowMargin(
  out: string,
  suites: readonly string[],
  margin: number | undefined,
  fingerprint: string,
  warn: (problem: string) => void,
): Promise<void> {
  if (margin === undefined) return
  const known = await readNoise(out, warn)
  for (const suite of suites) {
    const noise = noiseFor(known, suite, fingerprint)
    const problem = noise && findMarginProblem(noise, margin, suite)
    if (problem !== undefined) throw new UsageError(`--margin: ${problem}`)
  }
}

const ending = '-duet'

/** A duet's suite has a name of its own, so that its records are not taken for runs of the suite: they are of another load. */
export function duetName(suite: string): string {
  return `${suite}${ending}`
}

export function isDuet(name: string): boolean {
  return name.endsWith(ending)
}

/** The config's name of a duet's suite. */
export function suiteOf(name: string): string {
  return isDuet(name) ? name.slice(0, -ending.length) : name
}
