import { access, rm, writeFile } from 'node:fs/promises'
import { constants } from 'node:fs'
import { dirname, join } from 'node:path'
import type { LoadEnvironment, LoadPlan, LoadProgress, LoadResult } from '../../../engine.ts'
import { createConsole, scriptVariables } from './surroundings.ts'
import { toOneLine } from '../../../../record/index.ts'
import { configFile, startK6, stopOnError, toSettings, trustFile, waitForK6End } from '../k6-process.ts'
import type { Ending } from '../ending.ts'
import type { RunObserver } from '../k6-process.ts'
import { watchCpu } from '../watch.ts'
import type { CpuWork, EngineWorld, ProgressListener } from '../watch.ts'
import { toAddress } from '../../../../journeys/index.ts'
import { formatTrusted } from '../../../../journeys/client/index.ts'
import { collectOwnMetrics } from './own-metrics.ts'
import type { OwnMetrics } from './own-metrics.ts'
import { readSample } from './samples.ts'
import { createTally, toScriptMeasurement } from './tally.ts'
import { readCrossedThresholds } from './thresholds.ts'
import type { ScriptCounts, ScriptObservations } from './tally.ts'

/**
 * The system tags of k6's own default, and the virtual user, by which a failed check finds its request. A
 * script's own choice may leave out the tags that identify steps; its thresholds keep all tags they can name.
 */
const systemTags =
  'proto,subproto,status,method,url,name,group,check,error,error_code,' +
  'tls_version,scenario,service,expected_response,vu'

/**
 * Runs a user's k6 script unchanged: its options decide the load, its thresholds apply, its `handleSummary`
 * is its own and writes below the user's folder, its console is shown. The results are read from k6's JSON
 * output, one sample a line on stdout as it happens, so no file grows. The script's `__ENV` holds `BASE_URL`
 * and `TARGET_URL`, the target, the config's `secrets`, the suite's `env`, and no other variable.
 *
 * Everything between its first and its last sample is measured, except setup and teardown. The plan's
 * warm-up and rate do not apply. Steps are `script/<group>.<name>`. A request that k6 reports as
 * failed, or of which a check failed, is one error. Crossed thresholds, and a script that marks its run as
 * failed, are part of the measurement, and make the verdict a fail.
 */
export async function runUserScript(
  path: string,
  plan: LoadPlan,
  script: string,
  environment: LoadEnvironment,
  world: EngineWorld,
): Promise<LoadResult> {
  const isReadable = await access(script, constants.R_OK).then(
    () => true,
    () => false,
  )
  if (!isReadable) return { state: 'usage-error', reason: `${script}: cannot be read, expected a k6 script` }
  const config = join(environment.folder, configFile)
  const settings = toSettings([{ address: toAddress(plan.targetUrl), ip: plan.ip }])
  const trusted = join(environment.folder, trustFile)
  await writeFile(config, JSON.stringify(settings), { mode: 0o600 })
  // The script may send to other hosts than the target.
  await writeFile(trusted, formatTrusted())
  try {
    return await runToEnd(path, plan, script, environment, world)
  } finally {
    await Promise.all([config, trusted].map(async (file) => rm(file, { force: true })))
  }
}

const summaryName = 'k6-summary.json'

async function runToEnd(
  ...[path, plan, script, environment, world]: Parameters<typeof runUserScript>
): Promise<LoadResult> {
  const tally = createTally()
  const own = collectOwnMetrics()
  const failures = collectOwnFailures()
  const console = await createConsole(script, environment)
  let watch: ScriptWatch | undefined
  const summaryFile = join(environment.folder, summaryName)
  await rm(summaryFile, { force: true })
  const output = ['--out', 'json=-', '--summary-export', summaryFile]
  const args = ['--address', '', '--system-tags', systemTags, ...output, script]
  const readOutput = (line: string): void => {
    const sample = readSample(line)
    if (sample === undefined) {
      if (!own.read(line)) console.summary(line)
      return
    }
    if (sample.metric === 'checks') own.addCheck(sample)
    if (tally.add(sample)) watch?.noteSample()
  }
  const { child, explain } = startK6(path, args, {
    folder: environment.folder,
    cwd: cwdOf(plan, script),
    kind: 'script',
    env: world.env,
    trusted: join(environment.folder, trustFile),
    variables: scriptVariables(plan),
    onLine: (line, stream) => {
      if (stream === 'stdout') return readOutput(line)
      failures.read(line)
      return console.log(line)
    },
  })
  return stopOnError(child, async () => {
    watch = watchUserScript(plan, () => tally.lastSecond(), child.pid, environment, world)
    const { end, interrupted } = await waitForK6End(child, watch, undefined, environment.signal)
    console.end()
    const observed = {
      interrupted,
      startedAt: new Date(world.wallMs()).toISOString(),
      ...watch.observations(),
    }
    const ended = { ...explain(end), reasons: failures.reasons(), summaryFile }
    const result = await toResult(script, ended, tally.counts(), observed, own)
    await rm(summaryFile, { force: true })
    return result
  })
}

/** k6 writes the files of `handleSummary` relative to its own folder: the user's. */
function cwdOf({ source }: LoadPlan, script: string): string {
  return (source.kind === 'script' ? source.cwd : undefined) ?? dirname(script)
}

interface ScriptEnd {
  ending: Ending
  lastOutput: string
  reasons: string[]
  summaryFile: string
}

async function toResult(
  script: string,
  { ending, lastOutput, reasons, summaryFile }: ScriptEnd,
  counts: ScriptCounts,
  observed: ScriptObservations,
  own: OwnMetrics,
): Promise<LoadResult> {
  const measured = (crossed: readonly string[], marked: readonly string[]): LoadResult => {
    const measurement = toScriptMeasurement(counts, observed, crossed, marked)
    const { scriptMetrics, checks, notes } = own.results(measurement.durationMs)
    return {
      state: 'ok',
      measurement: {
        ...measurement,
        ...(Object.keys(scriptMetrics).length > 0 && { scriptMetrics }),
        ...(Object.keys(checks).length > 0 && { checks }),
        ...(notes.length > 0 && { notes }),
      },
    }
  }
  if (observed.interrupted) return measured([], [])
  if (ending.state === 'ok') {
    if (!ending.thresholdsCrossed) return measured([], ending.markedFailed ? reasons : [])
    const { scriptMetrics } = own.results(counts.durationMs)
    const crossed = await readCrossedThresholds(summaryFile, scriptMetrics)
    return measured(crossed ?? [selectThresholds(lastOutput)], [])
  }
  // The author has to correct a script that cannot be loaded or has invalid options; a broken k6 prints other
  // messages.
  const optionsInvalid = ending.state === 'failed' && ending.optionsInvalid
  if (
    counts.requests === 0 &&
    (optionsInvalid || /moduleSpecifier|file:\/\/|script configuration/.test(lastOutput))
  )
    return { state: 'usage-error', reason: `${script}: ${toOneLine(lastOutput, 300)}` }
  const reason = lastOutput === '' ? ending.reason : `${ending.reason}: ${lastOutput}`
  return { state: 'unavailable', reason }
}

// k6's last output may hold its warnings of failed requests too.
function selectThresholds(output: string): string {
  return (/thresholds? on .*crossed/.exec(output)?.[0] ?? 'thresholds were crossed').slice(0, 200)
}

/** What the script gave as reasons when it marked its run as failed. */
interface OwnFailures {
  /** A line of k6's log. Trusted only when k6 ends with the code for it: a script may print the same. */
  read: (line: string) => void
  /** The first different ones, at least one. */
  reasons: () => string[]
}

const maxReasons = 5

function collectOwnFailures(): OwnFailures {
  const reasons = new Set<string>()
  return {
    read: (line) => {
      const reason = /^test marked as failed: (.+)/.exec(line)?.[1]
      if (reason !== undefined && reasons.size < maxReasons) reasons.add(toOneLine(reason))
    },
    reasons: () => (reasons.size === 0 ? ['no reason given'] : [...reasons]),
  }
}

/** Follows a user's script: it is measured from its first sample to its last. */
interface ScriptWatch extends RunObserver {
  /** A sample of the script's load has arrived. */
  noteSample: () => void
  observations: () => { cpu: CpuWork | undefined; measuredMs: number }
}

const secondMs = 1000

/**
 * @param lastSecond figures for the progress
 * @param group of k6's processes, or undefined when it did not start
 */
function watchUserScript(
  plan: { durationMs: number },
  lastSecond: () => Pick<LoadProgress, 'requestsPerSecond' | 'p95Ms' | 'errors'>,
  group: number | undefined,
  listener: ProgressListener,
  world: EngineWorld,
): ScriptWatch {
  let load: { beganMs: number; cpu: (() => CpuWork | undefined) | undefined } | undefined
  let lastSampleMs = 0
  let cpu: CpuWork | undefined
  let isStopped = false
  const report = (phase: LoadProgress['phase']): void => {
    // The plan's duration is what the script's options say; 0 when they do not.
    const leftMs = load === undefined || isStopped ? 0 : load.beganMs + plan.durationMs - world.monotonicMs()
    listener.progress({ phase, secondsLeft: Math.max(0, leftMs / secondMs), ...lastSecond() })
  }
  report('prepare')
  const timer = setInterval(() => {
    if (load) cpu = load.cpu?.() ?? cpu
    report(load ? 'measure' : 'prepare')
  }, secondMs)
  return {
    noteSample: () => {
      lastSampleMs = world.monotonicMs()
      if (load !== undefined || isStopped) return
      load = {
        beganMs: lastSampleMs,
        cpu: watchCpu(group === undefined ? [] : [group], world.monotonicMs),
      }
      listener.measuring('begin')
      report('measure')
    },
    stop: () => {
      if (isStopped) return
      isStopped = true
      clearInterval(timer)
      if (load) listener.measuring('end')
      report('finish')
    },
    hasStarted: () => load !== undefined,
    observations: () => ({ cpu, measuredMs: load === undefined ? 0 : lastSampleMs - load.beganMs }),
  }
}
