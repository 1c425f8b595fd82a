import { basename, dirname, join, resolve } from 'node:path'
import { mkdir } from 'node:fs/promises'
import { combineVerdicts, judgeRun, withDirections } from '../../baselines/index.ts'
import type { CodedReason, VerdictRow } from '../../baselines/index.ts'
import { toRecord, toEmptyRecord, toRefusalRecord } from '../../load/index.ts'
import type { LoadPlan, LoadResult, RecordFacts } from '../../load/index.ts'
import type { Run } from '../../record/index.ts'
import { runFolder } from '../../record/store/index.ts'
import { watchReadiness, watchServer } from '../../runtime/target/index.ts'
import type { Readiness, ReadinessWatch, ServerWatch, ReadMetrics } from '../../runtime/target/index.ts'
import { readGroupUsage } from '../../runtime/processes/index.ts'
import type { FoundEngine, SuitePlan } from './suites.ts'
import { describeEnvironment, describeTarget, newRunId } from './session.ts'
import { readTargetMetrics } from './target.ts'
import type { Session } from './session.ts'
import { defaultWarmupSeconds } from '../../config/index.ts'
import type { JudgedRun } from './artefacts.ts'
import { UsageError } from './world.ts'
import { sendRequest } from '../../journeys/client/index.ts'

const requestTimeoutMs = 10_000
const metricsEveryMs = 1000

/**
 * Loads the target with one suite. If nothing could be measured, returns an invalid record instead of
 * throwing.
 */
export async function measureSuite(
  session: Session,
  plan: SuitePlan,
  found: FoundEngine,
  id = newRunId(session, plan.name),
): Promise<JudgedRun> {
  const folder = await runFolder(session.out, id)
  const load = await inspectPlan(session, loadPlanOf(session, plan, id), found, folder)
  const facts = await factsOf(session, plan, found.state === 'ok' ? found.label : 'none')
  const unmeasured = (reason: CodedReason): Run =>
    toEmptyRecord(load, reason, session.world.interrupted.aborted, facts)
  const measured = session.redact(
    found.state === 'missing'
      ? unmeasured({ code: 'tool-missing', reason: found.reason })
      : await loadWith(session, load, found, folder, facts, unmeasured),
  )
  session.progress.done()
  const run = withDirections(measured, plan.budgets)
  const judged = judgeRun(run, plan.budgets)
  const row = endedRow(session, plan.name)
  const verdict = row === undefined ? judged : { ...judged, ...combineVerdicts([judged], [row]) }
  return { run, budgets: plan.budgets, verdict, folder }
}

/** The plan of a user's script with the load that the script sets itself. */
async function inspectPlan(
  session: Session,
  plan: LoadPlan,
  found: FoundEngine,
  folder: string,
): Promise<LoadPlan> {
  if (found.state === 'missing' || plan.source.kind !== 'script') return plan
  const inspection = await found.engine.inspect?.(plan, folder)
  if (inspection?.state === 'usage-error') throw new UsageError(inspection.reason)
  // The run says what is wrong with k6.
  if (inspection?.state !== 'ok') return plan
  const { load, lastsMs = 0 } = inspection
  return { ...plan, durationMs: lastsMs, source: { ...plan.source, load: session.redact(load) } }
}

/** A service that ended while it was loaded has failed, whatever its last figures were. */
function endedRow({ targetEnd, world }: Session, suite: string): VerdictRow | undefined {
  const message = world.interrupted.aborted ? undefined : targetEnd?.()
  if (message === undefined) return undefined
  return {
    rule: 'target',
    suite,
    step: null,
    metric: 'target',
    status: 'fail',
    code: 'target-ended',
    message,
  }
}

/** The record of a suite that could not start because its target could not be used. */
export async function unmeasuredRun(
  session: Session,
  plan: SuitePlan,
  id: string,
  reason: CodedReason,
  engine: string,
): Promise<JudgedRun> {
  const facts = await factsOf(session, plan, engine)
  const { aborted } = session.world.interrupted
  const run = session.redact(toEmptyRecord(loadPlanOf(session, plan, id), reason, aborted, facts))
  return {
    run,
    budgets: plan.budgets,
    verdict: judgeRun(run, plan.budgets),
    folder: join(session.out, 'runs', id),
  }
}

async function factsOf(session: Session, { suite }: SuitePlan, engine: string): Promise<RecordFacts> {
  return {
    engine: suite.engine,
    target: await describeTarget(session),
    environment: describeEnvironment(session, engine),
    startedAt: new Date(session.world.now()).toISOString(),
  }
}

async function loadWith(
  session: Session,
  load: LoadPlan,
  found: Extract<FoundEngine, { state: 'ok' }>,
  folder: string,
  facts: RecordFacts,
  unmeasured: (reason: CodedReason) => Run,
): Promise<Run> {
  session.progress.phase(`loading with ${load.suite}: ${found.label}, ${loadWords(load)}`)
  const scratch = join(folder, found.engine.name)
  await mkdir(scratch, { recursive: true })
  const watch = watchServer(createMetricsReader(session), metricsEveryMs, () =>
    session.targetGroup === undefined ? undefined : readGroupUsage(session.targetGroup),
  )
  const readiness = createReadinessWatch(session)
  const result = await found.engine.run(load, {
    folder: scratch,
    signal: session.world.interrupted,
    progress: (progress) => {
      session.progress.load(progress)
      if (progress.errors > 0) void readiness?.ask()
    },
    measuring: () => void watch.read(),
    console: session.progress.script,
  })
  // A short run can be over before its failures were shown.
  const hasFailures = result.state === 'ok' && result.measurement.failures.length > 0
  if (hasFailures || result.state === 'failed') await readiness?.ask()
  return toRun(
    result,
    load,
    { server: watch, readiness, proxies: noteProxies(session.world.env) },
    facts,
    unmeasured,
  )
}

/** What watches the target during a load. */
interface Watches {
  server: ServerWatch
  readiness: ReadinessWatch | undefined
  /** What is said of the proxies that the environment names. */
  proxies: string[]
}

const proxyVariables = ['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY', 'http_proxy', 'https_proxy', 'all_proxy']

/** The note that the proxies of an environment are not used: no engine does, as a proxy would be measured. */
export function noteProxies(env: NodeJS.ProcessEnv): string[] {
  const set = proxyVariables.filter((name) => env[name] !== undefined && env[name] !== '')
  if (set.length === 0) return []
  return [
    `${set.join(' and ')} ${set.length === 1 ? 'is' : 'are'} set and not used: ` +
      'vigil and its engines connect to the target directly',
  ]
}

async function toRun(
  result: LoadResult,
  load: LoadPlan,
  { server: watch, readiness, proxies }: Watches,
  facts: RecordFacts,
  unmeasured: (reason: CodedReason) => Run,
): Promise<Run> {
  switch (result.state) {
    case 'ok': {
      await watch.read()
      const answered = Object.values(result.measurement.endpoints).reduce(
        (sum, step) => sum + step.requests,
        0,
      )
      const notes = [
        ...(result.measurement.notes ?? []),
        ...watch.notes(),
        ...(readiness?.notes() ?? []),
        ...proxies,
      ]
      const measurement = { ...result.measurement, ...toNotes(notes) }
      return toRecord(load, measurement, watch.finish(answered), facts)
    }
    case 'unavailable':
      watch.finish(0)
      return unmeasured({ code: result.code ?? 'engine-failed', reason: result.reason })
    case 'failed':
      watch.finish(0)
      return {
        ...toRefusalRecord(load, result, facts),
        ...toNotes([...(readiness?.notes() ?? []), ...proxies]),
      }
    case 'usage-error':
      watch.finish(0)
      throw new UsageError(result.reason)
  }
}

function toNotes(notes: string[]): { notes?: string[] } {
  return notes.length > 0 ? { notes } : {}
}

function loadPlanOf(session: Session, { name, suite, shards, kubernetes }: SuitePlan, id: string): LoadPlan {
  const folder = dirname(session.loaded.file)
  return {
    run: id,
    suite: name,
    targetUrl: session.targetUrl,
    secrets: session.secrets,
    source:
      suite.script === undefined
        ? {
            kind: 'journeys',
            module: session.loaded.journeysModule,
            mix: Object.entries(suite.journeys ?? {}).map(([journey, weight]) => ({ journey, weight })),
          }
        : {
            kind: 'script',
            path: resolve(folder, suite.script),
            cwd: folder,
            ...(suite.env && { env: suite.env }),
          },
    load:
      'ratePerSecond' in suite.load
        ? { model: 'arrival-rate', ratePerSecond: suite.load.ratePerSecond }
        : { model: 'connections', connections: suite.load.connections },
    ...(shards !== undefined && { shards }),
    ...(kubernetes !== undefined && { kubernetes }),
    warmupMs: (suite.warmupSeconds ?? defaultWarmupSeconds) * 1000,
    durationMs: suite.durationSeconds * 1000,
    requestTimeoutMs,
  }
}

function loadWords(load: LoadPlan): string {
  if (load.source.kind === 'script')
    return `the load of ${basename(load.source.path)}: ${load.source.load?.script ?? 'unknown'}`
  const what =
    load.load.model === 'arrival-rate'
      ? `${load.load.ratePerSecond} journeys/s`
      : `${load.load.connections} connections`
  return `${what}, ${load.warmupMs / 1000} s warm-up, ${load.durationMs / 1000} s`
}

/** Reads the metrics of the session's target; always undefined if it has none. */
export function createMetricsReader(session: Session): ReadMetrics {
  return async () => {
    const answer = await readTargetMetrics(session, session.targetUrl)
    return answer.state === 'ok' ? answer.text : undefined
  }
}

/** Longer than the service's own checks may take. */
const readinessTimeoutMs = 6000
const readinessBytes = 64 * 1024

function createReadinessWatch(session: Session): ReadinessWatch | undefined {
  const { ready } = session.loaded.config.target
  if (ready === undefined) return undefined
  const signal = session.world.interrupted
  return watchReadiness(ready, async (): Promise<Readiness | undefined> => {
    const request = { method: 'GET', path: ready, headers: {}, body: undefined }
    const limits = {
      timeoutMs: readinessTimeoutMs,
      maxBodyBytes: readinessBytes,
      purpose: 'readiness',
      signal,
    }
    const result = await sendRequest(session.targetUrl, request, limits)
    if (signal.aborted) return undefined
    return result.state === 'ok'
      ? { state: 'answered', status: result.response.status, text: result.response.text }
      : { state: 'failed', reason: `${result.message} (${result.class})` }
  })
}
