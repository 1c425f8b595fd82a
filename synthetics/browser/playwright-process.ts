import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { needsPackage, toOneLine } from '../../record/index.ts'
import { describeEnd, formatHolder, parseHolder, startChild } from '../../runtime/processes/index.ts'
import type { Redact } from '../../journeys/index.ts'
import { readReport } from './report.ts'
import type { SpecRun } from './report.ts'

/** For starting and stopping Playwright and a browser on a slow machine. */
const overheadMs = 20_000
const stopGraceMs = 3000
const config = fileURLToPath(new URL('probe.config.ts', import.meta.url))

/** How Playwright runs a spec. */
export interface PlaywrightPlan {
  /** Absolute: what the spec's path in the config is relative to. */
  root: string
  targetUrl: string
  /** For each of its tests, in one attempt. */
  timeoutMs: number
  attempts: number
  /** Environment of the child: a spec may need credentials. */
  env: NodeJS.ProcessEnv
  signal: AbortSignal
}

/** Runs a spec with Playwright in a child process, and reads its report. */
export async function runPlaywright(
  plan: PlaywrightPlan,
  spec: string,
  { scratch, traceparent, redact }: { scratch: string; traceparent: string; redact: Redact },
): Promise<SpecRun> {
  const report = join(scratch, 'report.json')
  const playwright = resolvePlaywright(spec)
  if (playwright === undefined) return { state: 'unavailable', reason: needsPackage('@playwright/test') }
  const child = startChild(process.execPath, [join(playwright, 'cli.js'), 'test', '--config', config], {
    cwd: plan.root,
    env: {
      ...plan.env,
      FORCE_COLOR: '0',
      TARGET_URL: plan.targetUrl,
      VIGIL_SPEC: spec,
      VIGIL_SPEC_PLAYWRIGHT: playwright,
      VIGIL_SPEC_OUTPUT: join(scratch, 'output'),
      VIGIL_SPEC_REPORT: report,
      VIGIL_SPEC_TRACEPARENT: traceparent,
      VIGIL_SPEC_TIMEOUT_MS: String(plan.timeoutMs),
      VIGIL_SPEC_ATTEMPTS: String(plan.attempts),
    },
  })
  const stop = (): void => void child.stop(stopGraceMs)
  const timer = setTimeout(stop, plan.timeoutMs * plan.attempts + overheadMs)
  plan.signal.addEventListener('abort', stop)
  if (plan.signal.aborted) stop()
  const end = await child.ended
  clearTimeout(timer)
  plan.signal.removeEventListener('abort', stop)
  const text = await readFile(report, 'utf8').catch(() => undefined)
  if (text !== undefined) return readReport(text, redact)
  const output = toOneLine(redact(child.tail('stderr') || child.tail('stdout'))) || 'it wrote nothing'
  return {
    state: 'unavailable',
    reason: `Playwright wrote no report; it ${describeEnd(end)}: ${output}`,
  }
}

// The folder of the Playwright that the spec imports: two copies in one process refuse each other.
function resolvePlaywright(spec: string): string | undefined {
  for (const from of [pathToFileURL(spec), import.meta.url]) {
    try {
      return dirname(createRequire(from).resolve('@playwright/test/package.json'))
    } catch {
      // The spec's folder has none: vigil's copy is the fallback.
    }
  }
  return undefined
}

const prefix = 'vigil-spec-'
const hourMs = 3_600_000

/**
 * Creates a folder for Playwright's output that only this user can read. Removes the folders of probers that
 * were killed: their traces contain all secrets. Checks age and process, because this process cannot see the
 * processes of another container.
 */
export async function createScratchFolder(temporary: string, pid: number, nowMs: number): Promise<string> {
  const names = (await readdir(temporary)).filter((name) => name.startsWith(prefix))
  for (const name of names) {
    const folder = join(temporary, name)
    const { mtimeMs } = await stat(folder).catch(() => ({ mtimeMs: nowMs }))
    const noted = name
      .slice(prefix.length)
      .replace(/-[^-]*$/, '')
      .replaceAll('_', ' ')
    const owner = parseHolder(noted, noted.includes(' ') ? nowMs - mtimeMs : 0, nowMs)
    // Another user's folder cannot be removed, and is not this process's duty.
    if (!owner.isAlive && nowMs - mtimeMs > hourMs)
      await rm(folder, { recursive: true, force: true }).catch(() => undefined)
  }
  return mkdtemp(join(temporary, `${prefix}${formatHolder(pid).replaceAll(/[^\w-]/g, '_')}-`))
}
