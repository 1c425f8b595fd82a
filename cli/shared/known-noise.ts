import { join } from 'node:path'
import { findMarginProblem, noiseFor, formatNoise, parseNoise } from '../../baselines/noise/index.ts'
import type { KnownNoise, SuiteNoise } from '../../baselines/noise/index.ts'
import { cleanText } from '../../reports/wording/index.ts'
import { readIfPresent, UsageError } from './world.ts'

/** The file with the measured noise of this machine. */
export function noiseFile(out: string): string {
  return join(out, 'noise.json')
}

/**
 * The measured noise of this machine; undefined if there is none, or if it cannot be read, with a warning.
 */
export async function readNoise(
  out: string,
  warn: (problem: string) => void,
): Promise<KnownNoise | undefined> {
  const file = noiseFile(out)
  const text = await readIfPresent(file).catch((error: unknown) => {
    if (!(error instanceof UsageError)) throw error
    return error
  })
  if (text === undefined) return undefined
  const read =
    text instanceof UsageError ? { state: 'invalid' as const, problem: text.message } : parseNoise(text, file)
  if (read.state === 'ok') return read.noise
  warn(cleanText(read.problem, 600))
  return undefined
}

/** The noise of a suite on this machine; undefined if it was not measured. */
export async function readSuiteNoise(
  out: string,
  suite: string,
  fingerprint: string,
  warn: (problem: string) => void,
): Promise<{ noise: SuiteNoise; note: string } | undefined> {
  const known = await readNoise(out, warn)
  const noise = noiseFor(known, suite, fingerprint)
  return noise && known && { noise, note: `${suite}: ${formatNoise(noise, known.measuredAt)}` }
}

/** The noise of a suite on this machine, in one line for a verdict; undefined if it was not measured. */
export async function noiseNote(...asked: Parameters<typeof readSuiteNoise>): Promise<string | undefined> {
  return (await readSuiteNoise(...asked))?.note
}

/**
 * Refuses a margin (a ratio) too narrow for the noise of one of the suites on this machine, and explains why.
 */
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

/**
 * The name of a suite's duet. It differs, so that its records are not taken for runs of the suite: their load
 * differs.
 */
export function duetSuiteName(suite: string): string {
  return `${suite}${ending}`
}

export function isDuet(name: string): boolean {
  return name.endsWith(ending)
}

/** The name in the config of a duet's suite. */
export function configSuiteName(name: string): string {
  return isDuet(name) ? name.slice(0, -ending.length) : name
}
