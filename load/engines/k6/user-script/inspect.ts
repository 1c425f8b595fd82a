import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { jsonOf } from '../../../../record/documents/index.ts'
import { toOneLine } from '../../../../record/index.ts'
import type { Run } from '../../../../record/index.ts'
import type { LoadPlan, ScriptInspection } from '../../../engine.ts'
import { describeRemoteImport, scriptVariables } from './surroundings.ts'
import { configFile, findVersionProblem, inspectWithK6 } from '../k6-process.ts'

/**
 * What a user's script will do, by `k6 inspect` (20 ms): the options that k6 derives from the script with the
 * environment of its run. A record must not state the suite's load, which a script does not use.
 */
export async function inspectScript(
  path: string,
  plan: LoadPlan,
  script: string,
  { folder, env }: { folder: string; env: NodeJS.ProcessEnv },
): Promise<ScriptInspection> {
  await writeFile(join(folder, configFile), '{}')
  const answer = await inspectWithK6(path, script, { folder, env, variables: scriptVariables(plan) })
  await rm(join(folder, configFile), { force: true })
  if (answer.state === 'failed') {
    // A program that is no k6 says nothing about the script.
    const problem = await findVersionProblem(path, env)
    if (problem !== undefined) return { state: 'unavailable', reason: problem }
    const remote = await describeRemoteImport(script, answer.reason)
    return { state: 'usage-error', reason: `${script}: ${remote ?? toOneLine(answer.reason, 300)}` }
  }
  const json = jsonOf(answer.output)
  const found = json.state === 'ok' ? inspected.safeParse(json.value) : undefined
  if (found?.success !== true)
    return { state: 'unavailable', reason: `k6 inspect ${script}: expected options in JSON, found others` }
  return { state: 'ok', ...describeScenarios(found.data.scenarios) }
}

const number = z.number().nullish()
const duration = z.string().nullish()
const scenario = z.looseObject({
  executor: z.string(),
  startTime: duration,
  duration,
  vus: number,
  maxVUs: number,
  iterations: number,
  rate: number,
  timeUnit: duration,
  startRate: number,
  startVUs: number,
  stages: z.array(z.looseObject({ duration, target: number })).nullish(),
})
type Scenario = z.infer<typeof scenario>
const inspected = z.looseObject({ scenarios: z.record(z.string(), scenario) })

/** The load of the scenarios, and how long they last when they say so. */
function describeScenarios(scenarios: Readonly<Record<string, Scenario>>): {
  load: Run['load']
  lastsMs: number | undefined
} {
  const all = Object.entries(scenarios)
  const [only] = all.length === 1 ? all.map(([, one]) => one) : []
  const texts = all.map(([name, one]) =>
    all.length === 1 ? describeScenario(one) : `${name}: ${describeScenario(one)}`,
  )
  const isOpen = all.every(([, { executor }]) => executor.endsWith('-arrival-rate'))
  const isOnce = only?.executor === 'per-vu-iterations' && usersOf(only) * iterationsOf(only) === 1
  const lasts = all.map(([, one]) => lastsMsOf(one))
  return {
    load: {
      model: isOpen ? 'arrival-rate' : isOnce ? 'once' : 'connections',
      ...(only?.executor === 'constant-arrival-rate' && { ratePerSecond: perSecond(only, only.rate) }),
      ...(only?.executor === 'constant-vus' && { connections: usersOf(only) }),
      script: toOneLine(texts.join('; '), 1000),
    },
    lastsMs: lasts.every((ms) => ms !== undefined) ? Math.max(...lasts) : undefined,
  }
}

function describeScenario(one: Scenario): string {
  const from = msOf(one.startTime) === 0 ? '' : `, from ${one.startTime ?? ''} on`
  return `${describeWork(one)}${from}`
}

function describeWork(one: Scenario): string {
  const users = usersOf(one)
  const vus = `${users} virtual ${users === 1 ? 'user' : 'users'}`
  const stages = one.stages ?? []
  const path = (start: number, toTarget: (target: number) => number): string =>
    [start, ...stages.map(({ target }) => toTarget(target ?? 0))].map(short).join(' → ')
  const span = `in ${stages.map((stage) => stage.duration ?? '0s').join(' + ')}`
  switch (one.executor) {
    case 'constant-arrival-rate':
      return `${short(perSecond(one, one.rate))} iterations/s for ${one.duration ?? '?'}`
    case 'ramping-arrival-rate':
      return `${path(perSecond(one, one.startRate), (target) => perSecond(one, target))} iterations/s ${span}`
    case 'constant-vus':
      return `${vus} for ${one.duration ?? '?'}`
    case 'ramping-vus':
      return `${path(one.startVUs ?? 1, (target) => target)} virtual users ${span}`
    case 'per-vu-iterations':
      return `${iterationsText(iterationsOf(one))} by each of ${vus}`
    case 'shared-iterations':
      return `${iterationsText(iterationsOf(one))} by ${vus}`
    default:
      return one.executor
  }
}

function iterationsText(count: number): string {
  return `${count} ${count === 1 ? 'iteration' : 'iterations'}`
}

function usersOf({ vus }: Scenario): number {
  return vus ?? 1
}

function iterationsOf({ iterations }: Scenario): number {
  return iterations ?? 1
}

function perSecond({ timeUnit }: Scenario, rate: number | null | undefined): number {
  return ((rate ?? 0) * 1000) / (msOf(timeUnit ?? '1s') || 1000)
}

function short(value: number): string {
  return String(Number(value.toPrecision(3)))
}

function lastsMsOf(one: Scenario): number | undefined {
  const own = one.stages
    ? one.stages.reduce((sum, stage) => sum + msOf(stage.duration), 0)
    : one.duration
      ? msOf(one.duration)
      : undefined
  return own === undefined ? undefined : msOf(one.startTime) + own
}

const unitsMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }

/** A duration as Go writes it: `1h2m0s`, `1.5s`, `500ms`. */
function msOf(text: string | null | undefined): number {
  return [...(text ?? '').matchAll(/([\d.]+)(ms|s|m|h)/g)].reduce(
    (sum, [, value, unit]) => sum + Number(value) * (unitsMs[unit ?? ''] ?? 0),
    0,
  )
}
