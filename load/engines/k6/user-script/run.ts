import { access, rm, writeFile } from 'node:fs/promises'
import { constants } from 'node:fs'
import { join } from 'node:path'
import type { LoadEnvironment, LoadPlan, LoadProgress, LoadResult } from '../../../engine.ts'
import { toOneLine } from '../../../../record/index.ts'
import { configFile, startK6, stopOnError, toSettings, trustFile, waitForK6End } from '../k6-process.ts'
import type { Ending } from '../ending.ts'
import type { RunObserver } from '../k6-process.ts'
import { watchCpu } from '../watch.ts'
import type { CpuWork, EngineWorld, ProgressListener } from '../watch.ts'
import { toAddress } from '../../../../journeys/index.ts'
import { formatTrusted } from '../../../../journeys/client/index.ts'
import { readSample } from './samples.ts'
import { createTally, toScriptMeasurement } from './tally.ts'
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
 * is its own. The results are read from k6's JSON output, one sample a line on stdout as it happens, so no
 * file grows and no summary is needed. The script's `__ENV` holds `BASE_URL` and `TARGET_URL`, the target,
 * the config's `secrets`, and no other variable.
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

async function runToEnd(
  ...[path, plan, script, environment, world]: Parameters<typeof runUserScript>
): Promise<LoadResult> {
  const tally = createTally()
  const failures = collectOwnFailures()
  let watch: ScriptWatch | undefined
  const args = ['--address', '', '--system-tags', systemTags, '--out', 'json=-', script]
  const { child, explain } = startK6(path, args, {
    folder: environment.folder,
    kind: 'script',
    env: world.env,
    trusted: join(environment.folder, trustFile),
    variables: { ...plan.secrets, BASE_URL: plan.targetUrl, TARGET_URL: plan.targetUrl },
    onLine: (line, stream) => {
      if (stream === 'stderr') failures.read(line)
      const sample = stream === 'stdout' ? readSample(line) : undefined
      if (sample !== undefined && tally.add(sample)) watch?.noteSample()
    },
  })
  return stopOnError(child, async () => {
    watch = watchUserScript(plan, () => tally.lastSecond(), child.pid, environment, world)
    const { end, interrupted } = await waitForK6End(child, watch, undefined, environment.signal)
    const observed = {
      interrupted,
      startedAt: new Date(world.wallMs()).toISOString(),
      ...watch.observations(),
    }
    const ended = { ...explain(end), reasons: failures.reasons() }
    return toResult(script, ended, tally.counts(), observed)
  })
}

function toResult(
  script: string,
  { ending, lastOutput, reasons }: { ending: Ending; lastOutput: string; reasons: string[] },
  counts: ScriptCounts,
  observed: ScriptObservations,
): LoadResult {
  if (observed.interrupted)
    return { state: 'ok', measurement: toScriptMeasurement(counts, observed, undefined) }
  if (ending.state === 'ok') {
    const crossed = ending.thresholdsCrossed ? lastOutput : undefined
    const own = ending.markedFailed ? reasons : []
    return { state: 'ok', measurement: toScriptMeasurement(counts, observed, crossed, own) }
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
