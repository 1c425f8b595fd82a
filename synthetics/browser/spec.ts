import { existsSync } from 'node:fs'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { toOneLine } from '../../record/index.ts'
import { describeEnd, startChild } from '../../runtime/processes/index.ts'
import type { Random, WallClock, ProbeResult } from '../../record/index.ts'
import { blamed } from '../control.ts'
import { complaintOfRetries, retriesOf, stepWords } from '../failed-step.ts'
import { newTrace, spanOf } from '../trace.ts'
import { redactorFor } from './redact.ts'
import type { Redact } from './redact.ts'
import { readReport } from './report.ts'
import type { SpecRun } from './report.ts'
import { scratchFolder } from './scratch.ts'
import { keptTrace } from './trace.ts'

/** A Playwright spec as a probe. */
export interface SpecPlan {
  name: string
  /** Path of the spec, as the config has it. */
  spec: string
  /** Absolute: what `spec` is relative to. */
  root: string
  targetUrl: string
  /** For each test of it, in one attempt. */
  timeoutMs: number
  attempts: number
  degradedMs: number | undefined
  /** Absolute: what a failure leaves goes to a folder of the probe's name in it. */
  folder: string
  /** Of the child: a spec may need credentials. */
  env: NodeJS.ProcessEnv
  controlUrl: string | undefined
  /** For the ids of its trace. */
  random: Random
  signal: AbortSignal
  now: WallClock
}

/** For starting Playwright and a browser, and for ending them, on a slow machine. */
const overheadMs = 20_000
const stopGraceMs = 3000
const config = fileURLToPath(new URL('../playwright/probe.config.ts', import.meta.url))

/**
 * Runs a spec by Playwright in a process of its own. What it tells of the target is `up`, `degraded` or `down`; that it could
 * not be run (no browser, a mistake in it, out of time as a whole) is `unknown`. Of a failure a screenshot, the trace and
 * the console log are kept, without secrets; Playwright's own report is not.
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
  if (!existsSync(spec)) return unknown(`not run: ${plan.spec} is not there`)
  const redact = redactorFor(plan.env)
  const trace = newTrace(plan.random)
  const scratch = await scratchFolder(tmpdir(), process.pid, plan.now())
  try {
    const run = await played(plan, spec, { scratch, traceparent: spanOf(trace, plan.random), redact })
    if (plan.signal.aborted) return unknown('interrupted before it was done')
    if (run.state === 'unusable') return unknown(run.reason)
    const { steps, durationMs, attempts, earlier } = run
    return {
      name: plan.name,
      startedAt,
      durationMs,
      attempts,
      ...retriesOf(earlier),
      steps,
      ...(await judge(plan, run, { trace, redact })),
    }
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}

async function played(
  plan: SpecPlan,
  spec: string,
  { scratch, traceparent, redact }: { scratch: string; traceparent: string; redact: Redact },
): Promise<SpecRun> {
  const report = join(scratch, 'report.json')
  const wholeMs = plan.timeoutMs * plan.attempts + overheadMs
  const child = startChild(process.execPath, [playwrightFor(spec), 'test', '--config', config], {
    cwd: plan.root,
    env: {
      ...plan.env,
      FORCE_COLOR: '0',
      TARGET_URL: plan.targetUrl,
      VIGIL_SPEC: spec,
      VIGIL_SPEC_OUTPUT: join(scratch, 'output'),
      VIGIL_SPEC_REPORT: report,
      VIGIL_SPEC_TRACEPARENT: traceparent,
      VIGIL_SPEC_TIMEOUT_MS: String(plan.timeoutMs),
      VIGIL_SPEC_ATTEMPTS: String(plan.attempts),
    },
  })
  const stop = (): void => void child.stop(stopGraceMs)
  const outOfTime = setTimeout(stop, wholeMs)
  plan.signal.addEventListener('abort', stop)
  if (plan.signal.aborted) stop()
  const end = await child.ended
  clearTimeout(outOfTime)
  plan.signal.removeEventListener('abort', stop)
  const text = await readFile(report, 'utf8').catch(() => undefined)
  if (text !== undefined) return readReport(text, redact)
  return {
    state: 'unusable',
    reason: `Playwright wrote no report; it ${describeEnd(end)}: ${toOneLine(redact(child.tail('stderr') || child.tail('stdout'))) || 'it wrote nothing'}`,
  }
}

async function judge(
  plan: SpecPlan,
  run: SpecRun & { state: 'ran' },
  { trace, redact }: { trace: string; redact: Redact },
): Promise<Pick<ProbeResult, 'outcome' | 'message'>> {
  if (run.failed) {
    const kept = await keep(plan, run.left, redact)
    const message = `${stepWords(run.failed)} (trace ${trace})${kept === undefined ? '' : `; kept: ${kept}`}`
    const unanswered =
      run.failed.class === 'connect' || run.failed.class === 'dns' || run.failed.class === 'timeout'
    return unanswered ? blamed(message, plan.controlUrl, plan.signal) : { outcome: 'down', message }
  }
  const slow = plan.degradedMs !== undefined && run.durationMs >= plan.degradedMs
  const complaints = [
    ...complaintOfRetries(run.attempts, run.earlier),
    ...(slow ? [`took ${Math.round(run.durationMs)} ms, expected less than ${plan.degradedMs} ms`] : []),
  ]
  return complaints.length === 0 ? { outcome: 'up' } : { outcome: 'degraded', message: complaints.join('; ') }
}

/** Keeps what helps to understand a failure; gives the folder. That the disk is full must not change the outcome. */
async function keep(
  plan: SpecPlan,
  left: readonly { name: string; path: string }[],
  redact: Redact,
): Promise<string | undefined> {
  const folder = join(plan.folder, plan.name)
  try {
    await mkdir(folder, { recursive: true })
    const screenshots = left.filter(({ name, path }) => name === 'screenshot' && path.endsWith('.png'))
    for (const [index, { path }] of screenshots.entries())
      await writeFile(join(folder, `screenshot-${index + 1}.png`), await readFile(path))
    const traces = left.filter(({ name, path }) => name === 'trace' && path.endsWith('.zip'))
    for (const [index, { path }] of traces.entries()) {
      const { archive, console } = keptTrace(await readFile(path), redact)
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

// The Playwright that the spec itself imports: two of them in one process refuse each other.
function playwrightFor(spec: string): string {
  for (const from of [pathToFileURL(spec), import.meta.url]) {
    try {
      return join(dirname(createRequire(from).resolve('@playwright/test/package.json')), 'cli.js')
    } catch {
      // The spec's folder has none: ours will do.
    }
  }
  return 'playwright'
}
