import { SharedArray } from 'k6/data'
import exec from 'k6/execution'
import { Counter, Trend } from 'k6/metrics'
import { findRequestId, startContext } from '../../../../journeys/index.ts'
import type { Context, Journey, Secrets } from '../../../../journeys/index.ts'
import { countBytes, findClientLimit, findRecordedTrace } from './answer.ts'
import { metricNames, requestFailureClasses } from './metrics.ts'
import type { RequestFailureClass } from './metrics.ts'
import { createPlayer, prepareJourneys } from './player.ts'
import type { PreparedJourney, RecordRequest } from './player.ts'
import { contextIndex, failureReports, messageLimits, pairIndex, sideFor, sides } from './wire.ts'
import type {
  DuetScriptPlan,
  LoadScriptPlan,
  PlayedJourney,
  PlayedStep,
  ScriptMessage,
  ScriptPlan,
  Side,
} from './wire.ts'

/*
 * Runs inside k6: what a virtual user does each time k6 starts an iteration. One journey, whose requests are
 * recorded.
 */

type Report = (message: ScriptMessage) => void
type SavedContext = Record<string, unknown>

/**
 * The contexts that the `before` steps saved: one copy for all virtual users, of which k6 parses only the
 * element that is read.
 */
function openContexts(plan: ScriptPlan): SavedContext[] | undefined {
  const file = plan.contextsFile
  if (file === undefined) return undefined
  return new SharedArray<SavedContext>('contexts', () => JSON.parse(open(file)))
}

function readSecrets({ secrets }: ScriptPlan): Secrets {
  return Object.fromEntries(secrets.map((name) => [name, __ENV[name] ?? '']))
}

/** What the recorders of a virtual user's steps need to know of its current iteration. */
interface Recording {
  isMeasured: boolean
  /** Latencies of this iteration, when it reports them. */
  sample: number[] | undefined
}

interface VirtualUser {
  scenario: typeof exec.scenario
  identity: number
  /** The part of `unique` that all of its iterations share. */
  uniqueStart: string
  secrets: Secrets
  /** What the `before` steps saved, by index of the journey in the mix; undefined where there is nothing. */
  saved: (SavedContext | undefined)[]
}

/** One journey of the mix against one target. */
export function createLoadIteration(
  plan: LoadScriptPlan,
  journeys: readonly Journey[],
  report: Report,
): () => void {
  const recording: Recording = { isMeasured: false, sample: undefined }
  const warmups = new Counter(metricNames.warmups)
  const prepared = prepareJourneys(plan, journeys, createMetricRecorder(plan, recording, report))
  const connecting = new Trend(metricNames.connecting)
  const play = createPlayer(plan, plan.target, prepared, report, (connectMs) => {
    if (recording.isMeasured) connecting.add(connectMs)
  })
  const contexts = openContexts(plan)
  const { cycle, sampleEvery } = plan
  let user: VirtualUser | undefined

  /** Whether this iteration belongs to the measurement; if so, all further ones of this virtual user do. */
  function startsMeasured({ scenario }: VirtualUser): boolean {
    if (sinceMeasuredMs(plan, scenario) < 0) {
      warmups.add(1)
      return false
    }
    exec.vu.metrics.tags['phase'] = 'measure'
    return true
  }

  return () => {
    user ??= createVirtualUser(plan, prepared, contexts)
    // Reads the clock only until the measurement has begun.
    recording.isMeasured ||= startsMeasured(user)
    const iteration = user.scenario.iterationInTest
    const chosen = cycle[iteration % cycle.length] ?? 0
    const journey = prepared[chosen]
    if (journey === undefined) return
    const sample: number[] | undefined =
      recording.isMeasured && iteration % sampleEvery === 0 ? [] : undefined
    recording.sample = sample
    play(journey, contextFor(user, chosen, iteration))
    if (sample?.length) report({ type: 'sample', latenciesMs: sample.slice(0, messageLimits.latencies) })
  }
}

/**
 * Called once for each virtual user: k6 creates these objects each time they are read, which is expensive.
 */
function createVirtualUser(
  plan: LoadScriptPlan,
  journeys: readonly PreparedJourney[],
  contexts: SavedContext[] | undefined,
): VirtualUser {
  const identity = (exec.vu.idInTest - 1) % plan.users
  return {
    scenario: exec.scenario,
    identity,
    uniqueStart: startContext(plan.target.run, identity, 0).unique.slice(0, -1),
    secrets: readSecrets(plan),
    saved: journeys.map((_, journey) => contexts?.[contextIndex(plan, 0, journey, identity)]),
  }
}

/** Same result as `startContext`, with its constant parts computed once: they are half of its cost. */
function contextFor(
  { identity, uniqueStart, secrets, saved }: VirtualUser,
  journey: number,
  iteration: number,
): Context {
  const own = { user: identity, iteration, unique: uniqueStart + iteration, secrets }
  const prepared = saved[journey]
  return prepared === undefined ? own : { ...prepared, ...own }
}

/**
 * Milliseconds since the measurement began; negative in the warm-up. Computed from the scenario's own
 * progress: the run's clock begins earlier, before `setup`.
 */
function sinceMeasuredMs({ warmupMs, durationMs }: LoadScriptPlan, scenario: typeof exec.scenario): number {
  return scenario.progress * (warmupMs + durationMs) - warmupMs
}

/** Records in k6's metrics: a latency metric for each step, and failures by step and class. */
function createMetricRecorder(
  plan: LoadScriptPlan,
  recording: Recording,
  report: Report,
): (key: string) => RecordRequest {
  const failures = new Counter(metricNames.failed)
  const unanswered = new Counter(metricNames.unanswered)
  const limits = {
    files: new Counter(metricNames.limit('files')),
    ports: new Counter(metricNames.limit('ports')),
  }
  return (key) => {
    const step = plan.steps.indexOf(key)
    const latency = new Trend(metricNames.latency(step))
    // A few lines for each virtual user and class: they include the first of all and each status, and many
    // failures do not become many lines.
    const reported = new Map<RequestFailureClass, number[]>()
    return (latencyMs, failure, problem, response) => {
      if (latencyMs >= 0 && recording.sample !== undefined) recording.sample.push(latencyMs)
      if (!recording.isMeasured) return
      if (latencyMs >= 0) latency.add(latencyMs)
      if (failure === undefined) return
      failures.add(1, { step: String(step), class: failure })
      if (latencyMs < 0) {
        unanswered.add(1, { step: String(step) })
        const limit = findClientLimit(response.error)
        if (limit !== undefined) limits[limit].add(1)
      }
      const known = reported.get(failure) ?? []
      const { usual, most } = failureReports
      if (known.length >= (known.includes(response.status) ? usual : most)) return
      known.push(response.status)
      reported.set(failure, known)
      const id = latencyMs < 0 ? undefined : findRequestId(response.headers)
      report({
        type: 'failure',
        step,
        class: failure,
        atMs: sinceMeasuredMs(plan, exec.scenario),
        example: problem().slice(0, messageLimits.exampleLength),
        ...(latencyMs >= 0 && { status: response.status }),
        ...(id !== undefined && { id }),
      })
    }
  }
}

/**
 * One journey of the mix on the side whose turn it is. Reported when it has ended, so that the load can stop
 * as soon as it is decided.
 */
export function createDuetIteration(
  plan: DuetScriptPlan,
  journeys: readonly Journey[],
  report: Report,
): () => void {
  let current = createPlayed()
  const record: RecordRequest = (latencyMs, failure, problem, response) => {
    if (failure !== undefined) current.problem = problem()
    current.steps.push(toPlayedStep(latencyMs, failure, response))
  }
  const contexts = openContexts(plan)
  const secrets = readSecrets(plan)
  const prepareSide = (side: Side) => {
    const prepared = prepareJourneys(plan, journeys, () => record)
    return { prepared, play: createPlayer(plan, plan.sides[side], prepared, report, () => undefined) }
  }
  const players = { baseline: prepareSide('baseline'), candidate: prepareSide('candidate') }
  let scenario: typeof exec.scenario | undefined
  return () => {
    scenario ??= exec.scenario
    const arrival = scenario.iterationInTest
    const pair = pairIndex(arrival)
    const chosen = plan.cycle[pair % plan.cycle.length] ?? 0
    const side = sideFor(plan.seed, arrival)
    const { prepared, play } = players[side]
    const journey = prepared[chosen]
    if (journey === undefined) return
    const user = pair % plan.users
    const saved = contexts?.[contextIndex(plan, sides.indexOf(side), chosen, user)]
    const start = startContext(plan.sides[side].run, user, pair, saved, secrets)
    current = createPlayed()
    const beganMs = exec.instance.currentTestRunDuration
    play(journey, start)
    const endedMs = exec.instance.currentTestRunDuration
    const { steps, problem } = current
    const played: PlayedJourney = [arrival, chosen, beganMs, endedMs, steps]
    if (problem !== undefined) played.push(problem.slice(0, messageLimits.textLength))
    report({ type: 'played', journey: played })
  }
}

function createPlayed(): { steps: PlayedStep[]; problem: string | undefined } {
  return { steps: [], problem: undefined }
}

function toPlayedStep(
  latencyMs: number,
  failure: RequestFailureClass | undefined,
  response: Parameters<RecordRequest>[3],
): PlayedStep {
  if (failure !== undefined && latencyMs < 0) return [-1, requestFailureClasses.indexOf(failure) + 1, -1, '']
  const trace = findRecordedTrace(response.headers['Traceparent'])
  const played: PlayedStep = [
    latencyMs,
    failure === undefined ? 0 : requestFailureClasses.indexOf(failure) + 1,
    countBytes(response),
    (response.headers['Server-Timing'] ?? '').slice(0, messageLimits.textLength),
  ]
  if (trace !== undefined) played.push(trace)
  return played
}
