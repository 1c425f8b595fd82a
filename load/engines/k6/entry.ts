import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { mixCycle, stepKey } from '../../../journeys/index.ts'
import type { Journey } from '../../../journeys/index.ts'
import type { LoadPlan } from '../../engine.ts'
import { addressOf } from '../../../journeys/client/index.ts'
import { configFile } from './k6-process.ts'
import type { Sizing } from './sizing.ts'
import type { PreparedContexts, ScriptPlan } from './k6-runtime/wire.ts'

/** A plan for journeys at a rate: what this engine takes. */
export interface JourneysAtRate {
  plan: LoadPlan
  ratePerSecond: number
  /** Absolute path of the journeys module. */
  module: string
  mix: { journey: string; weight: number }[]
}

/** Iterations a second that tell their latencies, at most: enough for a p95 each second, too few to be felt. */
const samplesPerSecond = 100

/** The plan in the script's words. `folder` is where its files go. */
export function scriptPlanOf(
  { plan, ratePerSecond, mix }: JourneysAtRate,
  journeys: readonly Journey[],
  sizing: Sizing,
  nonce: string,
  folder: string,
): ScriptPlan {
  const cycle = mixCycle(mix.map(({ weight }) => weight))
  const chosen = mix.map(({ journey }) => journey)
  return {
    run: plan.run,
    nonce,
    address: addressOf(plan.targetUrl),
    journeys: chosen,
    cycle,
    steps: chosen.flatMap((name) =>
      (journeys.find((journey) => journey.name === name)?.steps ?? []).map((step) =>
        stepKey(name, step.name),
      ),
    ),
    ratePerSecond,
    warmupMs: plan.warmupMs,
    durationMs: plan.durationMs,
    requestTimeoutMs: plan.requestTimeoutMs,
    ...sizing,
    sampleEvery: coprime(Math.ceil(ratePerSecond / samplesPerSecond), cycle.length),
    contextsFile: chosen.some((name) =>
      journeys.some((journey) => journey.name === name && journey.before?.length),
    )
      ? join(folder, 'contexts.json')
      : undefined,
    summaryFile: join(folder, 'summary.json'),
  }
}

/**
 * Writes what k6 is to run: the contexts that the users' `before` steps saved, and an entry file that hands plan and
 * journeys to the interpreter. Both may hold secrets and are for the time of the run only.
 *
 * @returns the entry file, and all files to remove afterwards
 */
export async function writeEntry(
  plan: ScriptPlan,
  module: string,
  contexts: PreparedContexts,
  folder: string,
): Promise<{ entry: string; files: string[] }> {
  const entry = join(folder, 'entry.js')
  const config = join(folder, configFile)
  await writePrivately(config, '{}')
  if (plan.contextsFile !== undefined) await writePrivately(plan.contextsFile, JSON.stringify(contexts))
  await writePrivately(entry, entryText(plan, module))
  return { entry, files: [entry, config, ...(plan.contextsFile === undefined ? [] : [plan.contextsFile])] }
}

function entryText(plan: ScriptPlan, module: string): string {
  return [
    `import { interpret } from ${JSON.stringify(new URL('k6-runtime/interpreter.ts', import.meta.url).href)}`,
    `import journeys from ${JSON.stringify(pathToFileURL(module).href)}`,
    `export const { options, setup, play, clock, teardown, handleSummary } = interpret(${JSON.stringify(plan)}, journeys)`,
    '',
  ].join('\n')
}

async function writePrivately(file: string, text: string): Promise<void> {
  await writeFile(file, text, { mode: 0o600 })
}

function coprime(from: number, length: number): number {
  let candidate = from
  while (commonFactor(candidate, length) > 1) candidate += 1
  return candidate
}

function commonFactor(a: number, b: number): number {
  return b === 0 ? a : commonFactor(b, a % b)
}
