import type { Random, WallClock } from '../../../record/index.ts'
import { UsageError } from '../../shared/world.ts'
import type { Project } from './describe.ts'

/** What an agent may ask for: a suite, or probes. */
export type RunRequest =
  | { command: 'load'; suite: string; durationSeconds?: number | undefined }
  | { command: 'probe'; probes: readonly string[] }

/** A run that is planned and not started: what it does, to which target, and when it ends at the latest. */
export interface RunPlan {
  id: string
  target: string
  does: string
  /** Ended after this time, whatever it does. */
  limitSeconds: number
  /** The arguments of the command. */
  args: string[]
}

const validMs = 10 * 60_000
/** A longer load is started by a person. */
const maxLoadSeconds = 900
/** To start the target, to end it, and to write the reports. */
const marginSeconds = 120

/** Plans of one connection. Each is started once, within ten minutes, while the config stays the same. */
export interface Plans {
  add: (request: RunRequest, project: Project) => RunPlan
  /** Removes a plan and returns it, if the project still plans the same. */
  take: (id: string, project: Project) => RunPlan
}

export function createPlans(now: WallClock, random: Random): Plans {
  const known = new Map<string, { plan: RunPlan; request: RunRequest; expiresAtMs: number }>()
  return {
    add: (request, project) => {
      const id = `plan-${Math.floor(random() * 36 ** 8)
        .toString(36)
        .padStart(8, '0')}`
      const plan = { id, ...planRun(request, project) }
      known.set(id, { plan, request, expiresAtMs: now() + validMs })
      return plan
    },
    take: (id, project) => {
      const found = known.get(id)
      known.delete(id)
      if (found === undefined || found.expiresAtMs < now())
        throw new UsageError(
          'plan: found no such plan, expected an id of plan_run, not used and not older than ten minutes',
        )
      const current = { id, ...planRun(found.request, project) }
      if (JSON.stringify(current) !== JSON.stringify(found.plan))
        throw new UsageError(
          'plan: the config changed since the plan, expected the same target and load: plan again',
        )
      return found.plan
    },
  }
}

function planRun(request: RunRequest, project: Project): Omit<RunPlan, 'id'> {
  return request.command === 'load' ? planLoad(request, project) : planProbes(request, project)
}

function planLoad(
  { suite: name, durationSeconds }: Extract<RunRequest, { command: 'load' }>,
  { suites, target }: Project,
): Omit<RunPlan, 'id'> {
  const suite = suites[name]
  if (suite === undefined) throw new UsageError(unknownName('suite', name, Object.keys(suites)))
  if (durationSeconds !== undefined && suite.script !== undefined)
    throw new UsageError(
      `durationSeconds: suite ${name} is a k6 script, which sets its own duration: leave it out`,
    )
  if (durationSeconds !== undefined && durationSeconds > suite.durationSeconds)
    throw new UsageError(
      `durationSeconds: found ${durationSeconds}, ` +
        `expected at most the ${suite.durationSeconds} of suite ${name}`,
    )
  const seconds = durationSeconds ?? suite.durationSeconds
  const loadSeconds = suite.warmupSeconds + seconds
  if (loadSeconds > maxLoadSeconds)
    throw new UsageError(
      `durationSeconds: found ${loadSeconds} s of load, expected at most ${maxLoadSeconds}: ask for less, ` +
        `or let a person run 'vigil load ${name}'`,
    )
  const time = `for ${suite.warmupSeconds} s of warm-up and ${seconds} s of measurement`
  return {
    target: target.url,
    does: `${suite.engine} loads ${target.url} with suite ${name}: ${suite.load}, ${time}`,
    limitSeconds: loadSeconds + marginSeconds,
    args: ['load', name, ...(durationSeconds === undefined ? [] : ['--duration', String(seconds)])],
  }
}

function planProbes(
  { probes: names }: Extract<RunRequest, { command: 'probe' }>,
  { probes, target }: Project,
): Omit<RunPlan, 'id'> {
  const wanted = names.length > 0 ? [...names] : Object.keys(probes)
  if (wanted.length === 0) throw new UsageError('probes: found none in the config, expected at least one')
  const unknown = wanted.find((name) => probes[name] === undefined)
  if (unknown !== undefined) throw new UsageError(unknownName('probe', unknown, Object.keys(probes)))
  const seconds = wanted.reduce((sum, name) => {
    const { timeoutMs = 0, attempts = 0 } = probes[name] ?? {}
    return sum + (timeoutMs / 1000) * attempts
  }, 0)
  return {
    target: target.url,
    does: `runs each of these probes once against ${target.url}: ${wanted.join(', ')}`,
    limitSeconds: Math.min(maxLoadSeconds, Math.ceil(seconds)) + marginSeconds,
    args: ['probe', ...wanted],
  }
}

function unknownName(what: string, name: string, known: readonly string[]): string {
  const found = JSON.stringify(name.slice(0, 80))
  return `${what}: found ${found}, expected one of the config: ${known.join(', ')}`
}
