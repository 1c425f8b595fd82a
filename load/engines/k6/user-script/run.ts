import { access, rm, writeFile } from 'node:fs/promises'
import { constants } from 'node:fs'
import { join } from 'node:path'
import type { LoadPlan, LoadResult, LoadEnvironment } from '../../../engine.ts'
import { toOneLine } from '../../../../record/index.ts'
import { endingOf } from '../exits.ts'
import type { Ending } from '../exits.ts'
import { configFile, lastWords, startK6 } from '../k6-process.ts'
import { measurementOf } from './measurement.ts'
import type { ScriptSeen } from './measurement.ts'
import { sampleOf } from './sample.ts'
import { tally } from './tally.ts'
import type { Counted } from './tally.ts'
import { watchScript } from './watch.ts'
import type { ScriptWatch } from './watch.ts'
import { orEnd, supervise } from '../supervise.ts'
import type { EngineWorld } from '../world.ts'

/**
 * The system tags of k6's own default, and the virtual user, by which a failed check finds its request. A script's own
 * choice may leave out what steps are told apart by; its thresholds keep all tags they can name.
 */
const systemTags =
  'proto,subproto,status,method,url,name,group,check,error,error_code,tls_version,scenario,service,expected_response,vu'

/**
 * Runs a k6 script of the user's own, as it is: its options decide the load, its thresholds hold, its `handleSummary` is
 * its own. What it did is read from k6's JSON output, one sample a line on stdout as it happens, so no file grows and no
 * summary is needed. In its `__ENV` it finds `BASE_URL` and `TARGET_URL`, the target; no other variable is handed on.
 *
 * Measured is all between its first and its last sample but for setup and teardown: the plan's warm-up and duration do
 * not apply, nor does its rate. Steps are `script/<group>.<name>`; a request that k6 calls failed, or of which a check
 * failed, is an error, once. Crossed thresholds are told as
 * such, and the verdict fails for them.
 */
export async function runScript(
  path: string,
  plan: LoadPlan,
  script: string,
  surroundings: LoadEnvironment,
  world: EngineWorld,
): Promise<LoadResult> {
  const unreadable = await access(script, constants.R_OK).then(
    () => undefined,
    () => `${script}: cannot be read, expected a k6 script`,
  )
  if (unreadable !== undefined) return { state: 'usage-error', reason: unreadable }
  const config = join(surroundings.folder, configFile)
  await writeFile(config, '{}', { mode: 0o600 })
  try {
    return await runWith(path, plan, script, surroundings, world)
  } finally {
    await rm(config, { force: true })
  }
}

async function runWith(
  path: string,
  plan: LoadPlan,
  script: string,
  surroundings: LoadEnvironment,
  world: EngineWorld,
): Promise<LoadResult> {
  const samples = tally()
  let watch: ScriptWatch | undefined
  const child = startK6(path, ['--address', '', '--system-tags', systemTags, '--out', 'json=-', script], {
    folder: surroundings.folder,
    env: world.env,
    variables: { BASE_URL: plan.targetUrl, TARGET_URL: plan.targetUrl },
    onLine: (line, stream) => {
      const sample = stream === 'stdout' ? sampleOf(line) : undefined
      if (sample === undefined) return
      if (samples.add(sample)) watch?.sampled()
    },
  })
  return orEnd(child, async () => {
    watch = watchScript(plan, () => samples.now(), child.pid, surroundings, world)
    const { end, interrupted } = await supervise(child, watch, undefined, surroundings.signal)
    const seen = { interrupted, startedAt: new Date(world.wallMs()).toISOString(), ...watch.seen() }
    return outcomeOf(script, endingOf(end), lastWords(child), samples.counted(), seen)
  })
}

function outcomeOf(
  script: string,
  ending: Ending,
  words: string,
  counted: Counted,
  seen: ScriptSeen,
): LoadResult {
  const said = (reason: string): string => (words === '' ? reason : `${reason}: ${words}`)
  if (seen.interrupted) return { state: 'measured', measurement: measurementOf(counted, seen, undefined) }
  if (ending.state === 'result')
    return {
      state: 'measured',
      measurement: measurementOf(counted, seen, ending.thresholdsCrossed ? words : undefined),
    }
  // A script that cannot be loaded, or that refuses its own options, is its author's to mend; k6 itself being broken says less.
  if (counted.requests === 0 && /moduleSpecifier|file:\/\/|script configuration/.test(words))
    return { state: 'usage-error', reason: `${script}: ${toOneLine(words, 300)}` }
  return { state: 'unmeasured', reason: said(ending.words) }
}
