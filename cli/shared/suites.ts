import { configSuiteName } from './known-noise.ts'
import type { Budgets, VerdictRow } from '../../baselines/index.ts'
import type { Config, SuiteConfig } from '../../config/index.ts'
import { suggestName } from '../../config/index.ts'
import { UsageError } from './world.ts'
import type { Engine } from '../../load/index.ts'
import type { Session } from './session.ts'

/** A suite to run, with the changes of the command line. */
export interface SuitePlan {
  name: string
  suite: SuiteConfig
  budgets: Budgets
  /** Processes that make the load together; missing: one. */
  shards?: number
}

/** Changes of a suite by the command line. */
export interface SuiteChanges {
  engine?: SuiteConfig['engine']
  rate?: number
  connections?: number
  duration?: number
  shards?: number
}

/** The suite of that name, or the config's first, with the changes of the command line. */
export function planSuite(config: Config, name: string | undefined, changes: SuiteChanges): SuitePlan {
  const names = Object.keys(config.suites)
  const chosen = name ?? names[0]
  const suite = chosen === undefined ? undefined : config.suites[chosen]
  if (chosen === undefined)
    throw new UsageError('suites: found none, expected at least one suite in the config')
  if (!suite)
    throw new UsageError(`suite ${JSON.stringify(chosen)} is not in the config${suggestName(chosen, names)}`)
  const changed = {
    ...suite,
    ...engineAndLoad(chosen, suite, changes),
    ...(changes.duration !== undefined && { durationSeconds: changes.duration }),
  }
  return {
    name: chosen,
    suite: changed,
    budgets: suite.budgets ?? config.budgets ?? {},
    ...toShards(chosen, changed, changes.shards),
  }
}

/** One shard is the usual load. */
function toShards(name: string, suite: SuiteConfig, shards = 1): { shards?: number } {
  if (shards === 1) return {}
  if (suite.script !== undefined)
    throw new UsageError(
      `suite ${name} is a k6 script, which cannot be divided: --shards needs a suite of journeys`,
    )
  if (suite.engine !== 'k6')
    throw new UsageError(`suite ${name} is loaded by ${suite.engine}: --shards goes with --engine k6`)
  return { shards }
}

/** The owner and the claim of each suite that failed or is open, where the config has them. */
export function describeFailedSuites(config: Config, rows: readonly VerdictRow[]): string[] {
  const names = new Set(
    rows
      .filter(({ status }) => status === 'fail' || status === 'inconclusive' || status === 'invalid')
      .map(({ suite }) => configSuiteName(suite ?? '')),
  )
  return Object.entries(config.suites).flatMap(([name, { owner, claim }]) => {
    const facts = [
      ...(claim === undefined ? [] : [`its claim: ${claim}`]),
      ...(owner === undefined ? [] : [`its owner: ${owner}`]),
    ]
    return names.has(name) && facts.length > 0 ? [`suite ${name}: ${facts.join('; ')}`] : []
  })
}

/** A user's script decides its load itself: a record must not state another one. */
function refuseScriptChanges(name: string, { rate, connections, duration }: SuiteChanges): void {
  const given = Object.entries({ rate, connections, duration }).filter(([, value]) => value !== undefined)
  if (given.length === 0) return
  throw new UsageError(
    `suite ${name} is a k6 script, which sets its own load and duration: ` +
      `${given.map(([option]) => `--${option}`).join(' and ')} cannot change them; edit its options`,
  )
}

// Engine and load belong together: k6 starts journeys at a rate, autocannon keeps connections busy.
function engineAndLoad(
  name: string,
  suite: SuiteConfig,
  changes: SuiteChanges,
): Pick<SuiteConfig, 'engine' | 'load'> {
  const engine = changes.engine ?? suite.engine
  if (suite.script !== undefined && engine !== 'k6')
    throw new UsageError(`suite ${name} is a k6 script: --engine ${engine} cannot run it`)
  if (suite.script !== undefined) refuseScriptChanges(name, changes)
  if (engine === 'k6') {
    if (changes.connections !== undefined)
      throw new UsageError(
        `suite ${name} is loaded by k6, at a rate: --connections goes with --engine autocannon`,
      )
    const rate = changes.rate ?? ('ratePerSecond' in suite.load ? suite.load.ratePerSecond : undefined)
    if (rate === undefined)
      throw new UsageError(`suite ${name} has no rate: --engine k6 needs --rate (journeys per second)`)
    return { engine, load: { ratePerSecond: rate } }
  }
  if (changes.rate !== undefined)
    throw new UsageError(
      `suite ${name} is loaded by autocannon, by connections: --rate goes with --engine k6`,
    )
  const connections =
    changes.connections ?? ('connections' in suite.load ? suite.load.connections : undefined)
  if (connections === undefined)
    throw new UsageError(`suite ${name} has no connections: --engine autocannon needs --connections`)
  return { engine, load: { connections } }
}

/** An engine ready to load, labelled with its version, or why it is missing. */
export type FoundEngine =
  | { state: 'ok'; engine: Engine; label: string }
  | { state: 'missing'; reason: string }

/** Engines are imported when they are used: each loads its own libraries. */
export async function findEngine(name: SuiteConfig['engine'], session: Session): Promise<FoundEngine> {
  if (name === 'k6') {
    const k6 = await findK6(session)
    if (k6.state === 'missing') return k6
    const { createK6Engine } = await import('../../load/engines/k6/index.ts')
    session.progress.phase(`${k6.label}: ${k6.path} (${k6.origin})`)
    return { state: 'ok', engine: createK6Engine(k6.path), label: k6.label }
  }
  const { autocannonEngine, autocannonVersion } = await import('../../load/engines/autocannon/index.ts')
  return { state: 'ok', engine: autocannonEngine(), label: `autocannon ${autocannonVersion}` }
}

export interface K6 {
  path: string
  /** With its version. */
  label: string
  /** Where it was found. */
  origin: string
}

export async function findK6({
  world,
  progress,
}: Session): Promise<({ state: 'ok' } & K6) | { state: 'missing'; reason: string }> {
  const { findTool } = await import('../../runtime/tools/index.ts')
  const tool = await findTool('k6', {
    env: world.env,
    progress: progress.phase,
    signal: world.interrupted,
  })
  requireNamedTool(tool)
  return tool.state === 'missing'
    ? { state: 'missing', reason: `${tool.reason}: ${tool.whatToDo}` }
    : { state: 'ok', path: tool.path, label: `k6 ${tool.version}`, origin: tool.origin }
}

/** A tool that its variable names and that is not there is a usage error, like a wrong path in the config. */
export function requireNamedTool(
  tool: { state: 'ok' } | { state: 'missing'; reason: string; whatToDo: string; variable?: string },
): void {
  if (tool.state === 'missing' && tool.variable !== undefined)
    throw new UsageError(`${tool.reason}: ${tool.whatToDo}`)
}
