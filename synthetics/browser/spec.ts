import { existsSync } from 'node:fs'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { toOneLine } from '../../record/index.ts'
import type { ProbeResult, Random, WallClock } from '../../record/index.ts'
import { attributeFailure, describeFailedStep, describeRetries, toEarlierAttempts } from '../attempt.ts'
import { createTraceId, createTraceparent } from '../play.ts'
import { createScratchFolder, runPlaywright } from './playwright-process.ts'
import type { PlaywrightPlan } from './playwright-process.ts'
import { createRedactor, redactTrace } from './redaction.ts'
import type { Redact, Secrets } from '../../journeys/index.ts'
import type { SpecRun } from './report.ts'

/** A Playwright spec as a probe. */
export interface SpecPlan extends PlaywrightPlan {
  name: string
  /** Path of the spec, as in the config. */
  spec: string
  degradedMs: number | undefined
  /** Absolute: the artefacts of a failure are kept in a folder of the probe's name in it. */
  folder: string
  controlUrl: string | undefined
  secrets?: Secrets
  /** For the ids of its trace. */
  random: Random
  now: WallClock
}

/**
 * Runs a spec with Playwright in a separate process. The outcome is `up`, `degraded` or `down` if the spec
 * judged the target, and `unknown` if it could not run (no browser, a mistake in the spec, the overall time
 * limit). Of a failure, the screenshot, the trace and the console log are kept, without secrets; Playwright's
 * report is not.
 */
export async function runSpec(plan: SpecPlan): Promise<ProbeResult> {
  const startedAt = new Date(plan.now()).toISOString()
  const unknown = (message: string): ProbeResult => ({
    name: plan.name,
    outcome: 'unknown',
    startedAt,
    durationMs: 0,
    attempts: 0,
    steps: [],
    message,
  })
  const spec = resolve(plan.root, plan.spec)
  if (!existsSync(spec)) return unknown(`not run: ${plan.spec} does not exist`)
  const redact = createRedactor(plan.env, Object.values(plan.secrets ?? {}))
  const traceId = createTraceId(plan.random)
  const scratch = await createScratchFolder(tmpdir(), process.pid, plan.now())
  try {
    const traceparent = createTraceparent(traceId, plan.random)
    const run = await runPlaywright(plan, spec, { scratch, traceparent, redact })
    if (plan.signal.aborted) return unknown('interrupted before it was done')
    if (run.state === 'unavailable') return unknown(run.reason)
    const { steps, durationMs, attempts, earlier } = run
    return {
      name: plan.name,
      startedAt,
      durationMs,
      attempts,
      ...toEarlierAttempts(earlier),
      steps,
      ...(await judge(plan, run, { traceId, redact })),
    }
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}

async function judge(
  plan: SpecPlan,
  run: SpecRun & { state: 'ok' },
  { traceId, redact }: { traceId: string; redact: Redact },
): Promise<Pick<ProbeResult, 'outcome' | 'message'>> {
  if (run.failed) {
    const kept = await keepArtefacts(plan, run.artefacts, redact)
    const message =
      `${describeFailedStep(run.failed)} (trace ${traceId})` + (kept === undefined ? '' : `; kept: ${kept}`)
    const isUnanswered =
      run.failed.class === 'connect' || run.failed.class === 'dns' || run.failed.class === 'timeout'
    return isUnanswered
      ? attributeFailure(message, plan.controlUrl, plan.signal)
      : { outcome: 'down', message }
  }
  const isSlow = plan.degradedMs !== undefined && run.durationMs >= plan.degradedMs
  const complaints = [
    ...describeRetries(run.attempts, run.earlier),
    ...(isSlow ? [`took ${Math.round(run.durationMs)} ms, expected less than ${plan.degradedMs} ms`] : []),
  ]
  return complaints.length === 0 ? { outcome: 'up' } : { outcome: 'degraded', message: complaints.join('; ') }
}

/**
 * Keeps what helps to understand a failure, and returns the folder. A full disk must not change the outcome.
 */
async function keepArtefacts(
  plan: SpecPlan,
  artefacts: readonly { name: string; path: string }[],
  redact: Redact,
): Promise<string | undefined> {
  const folder = join(plan.folder, plan.name)
  try {
    await mkdir(folder, { recursive: true })
    const screenshots = artefacts.filter(({ name, path }) => name === 'screenshot' && path.endsWith('.png'))
    for (const [index, { path }] of screenshots.entries())
      await writeFile(join(folder, `screenshot-${index + 1}.png`), await readFile(path))
    const traces = artefacts.filter(({ name, path }) => name === 'trace' && path.endsWith('.zip'))
    for (const [index, { path }] of traces.entries()) {
      const { archive, console } = redactTrace(await readFile(path), redact)
      await writeFile(join(folder, `trace-${index + 1}.zip`), archive)
      await writeFile(
        join(folder, `console-${index + 1}.log`),
        console.map((line) => `${toOneLine(line, 2000)}\n`).join(''),
      )
    }
    return folder
  } catch {
    return undefined
  }
}
