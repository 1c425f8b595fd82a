import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Secrets } from '../../../journeys/index.ts'
import type { Child } from '../../../runtime/processes/index.ts'
import { toOneLine } from '../../../record/index.ts'
import { formatTrusted } from '../../../journeys/client/index.ts'
import { freePort } from '../../../runtime/services/index.ts'
import {
  archiveWithK6,
  configFile,
  startK6,
  stopOnError,
  toSettings,
  trustFile,
  waitForK6End,
} from './k6-process.ts'
import type { Ending } from './ending.ts'
import type { RunObserver } from './k6-process.ts'
import { contextIndex, lateRequests } from './k6-runtime/wire.ts'
import type { LoadScriptPlan, PreparedContexts, ScriptMessage, ScriptPlan } from './k6-runtime/wire.ts'
import { prepareJourneyModules } from './journey-modules.ts'
import { readMessage } from './messages.ts'

/** Our script inside k6, for one run. */
export interface ScriptRun {
  plan: ScriptPlan
  /** Absolute path of the journeys module. */
  module: string
  /** Environment variables of k6: its script file names them only. */
  secrets?: Secrets | undefined
  /** What the users' `before` steps saved: for each side, in order. */
  contexts: readonly PreparedContexts[]
}

/** Where k6 runs. */
export interface K6Host {
  /** Path of k6. */
  path: string
  folder: string
  env: NodeJS.ProcessEnv
  /** Ends the run: k6 stops its users and writes its summary. */
  signal: AbortSignal
}

/** Follows one start of k6 from outside. */
export interface ScriptObserver extends RunObserver {
  receive: (message: ScriptMessage) => void
  /** k6 was started. An error here ends it. */
  attach: (child: Child) => Promise<void> | void
}

export interface ScriptEnd {
  ending: Ending
  interrupted: boolean
  /** Why vigil killed k6, because it exceeded its time. */
  overdue: string | undefined
  /** The end of k6's own log, cleaned. */
  lastOutput: string
}

const portAttempts = 3

/** How long k6 runs with the script of a load: its last journeys may still end. */
export function runTimeMs({ warmupMs, durationMs, requestTimeoutMs }: LoadScriptPlan): number {
  return warmupMs + durationMs + lateRequests.drainMs + requestTimeoutMs + lateRequests.marginMs
}

/**
 * Runs our script in k6 to its end.
 *
 * The port for k6's REST API was free when it was chosen, but another process may have taken it since. Then
 * k6 is started again, on another port and with a new observer.
 *
 * @param runMs how long k6 runs from its start
 * @param observe called before each start with the address of k6's REST API
 */
export async function runScript<Observer extends ScriptObserver>(
  script: ScriptRun,
  runMs: number,
  host: K6Host,
  observe: (address: string) => Observer,
): Promise<ScriptEnd & { observer: Observer }> {
  const { entry, files, trusted } = await writeScriptFiles(script, host.folder)
  try {
    for (let attempt = 1; ; attempt += 1) {
      const address = `127.0.0.1:${await freePort()}`
      const observer = observe(address)
      const end = await runOnce(
        script,
        { args: ['--address', address, ...toShardArgs(script.plan), entry], trusted },
        runMs,
        host,
        observer,
      )
      const isPortTaken =
        end.ending.state === 'failed' && end.ending.portTaken && !observer.hasStarted() && !end.interrupted
      if (!isPortTaken || attempt === portAttempts) return { ...end, observer }
    }
  } finally {
    await Promise.all(files.map(async (file) => rm(file, { recursive: true, force: true })))
  }
}

async function runOnce(
  { plan, secrets }: ScriptRun,
  { args, trusted }: { args: readonly string[]; trusted: string | undefined },
  runMs: number,
  { path, folder, env, signal }: K6Host,
  observer: ScriptObserver,
): Promise<ScriptEnd> {
  const { child, explain } = startK6(path, args, {
    folder,
    env,
    kind: 'journeys',
    processes: plan.kind === 'load' ? plan.shard?.of : undefined,
    trusted,
    ...(secrets && { variables: secrets }),
    onLine: (line) => {
      const message = readMessage(line, plan.nonce)
      if (message !== undefined) observer.receive(message)
    },
  })
  return stopOnError(child, async () => {
    await observer.attach(child)
    const expected = { users: plan.preAllocated, runMs }
    const { end, interrupted, overdue } = await waitForK6End(child, observer, expected, signal)
    return { ...explain(end, plan.nonce), interrupted, overdue }
  })
}

/** A shard waits, ready, until all of them are released. */
function toShardArgs(plan: ScriptPlan): string[] {
  if (plan.kind !== 'load' || plan.shard === undefined) return []
  const { segment, sequence } = plan.shard
  return ['--paused', '--execution-segment', segment, '--execution-segment-sequence', sequence]
}

/**
 * Writes what k6 runs into a folder: an entry file that passes plan and journeys to our script, and the
 * users' contexts. Both may hold secrets and exist only while k6 runs.
 */
async function writeScriptFiles(
  { plan, module, contexts }: ScriptRun,
  folder: string,
): Promise<{ entry: string; files: string[]; trusted: string | undefined }> {
  const targets = plan.kind === 'load' ? [plan.target] : Object.values(plan.sides)
  const entry = join(folder, 'entry.js')
  const copies = join(folder, 'modules')
  const texts: Record<string, string> = {
    [entry]: [
      `import { createScript } from ${JSON.stringify(new URL('k6-runtime/script.ts', import.meta.url).href)}`,
      `import journeys from ${JSON.stringify(await prepareJourneyModules(module, copies))}`,
      `const script = createScript(${JSON.stringify(plan)}, journeys)`,
      'export const { options, setup, play, clock, handleSummary } = script',
      '',
    ].join('\n'),
    [join(folder, configFile)]: JSON.stringify(toSettings(targets)),
  }
  if (plan.contextsFile !== undefined)
    texts[plan.contextsFile] = JSON.stringify(orderContexts(plan, contexts))
  const isSecure = targets.some(({ address }) => address.protocol === 'https:')
  const trusted = isSecure ? join(folder, trustFile) : undefined
  if (trusted !== undefined) texts[trusted] = formatTrusted()
  for (const [file, text] of Object.entries(texts)) await writeFile(file, text, { mode: 0o600 })
  return { entry, files: [...Object.keys(texts), copies], trusted }
}

/** As the script looks them up, by `contextIndex`. */
function orderContexts(plan: ScriptPlan, contexts: readonly PreparedContexts[]): Record<string, unknown>[] {
  const ordered: Record<string, unknown>[] = []
  for (const [side, saved] of contexts.entries())
    for (const [journey, name] of plan.journeys.entries())
      for (let user = 0; user < plan.users; user += 1)
        ordered[contextIndex(plan, side, journey, user)] = saved[name]?.[user] ?? {}
  return ordered
}

/**
 * k6's message when it cannot load the user's journeys although Node can: an import that it does not know, a
 * global of Node, syntax that it does not strip. Our own files load, so a script that throws while it is
 * loaded is the user's.
 */
export function findUsageErrorInLog(
  { ending, lastOutput }: ScriptEnd,
  hasBegun: boolean,
): string | undefined {
  const isLoading = ending.state === 'script-error' && !hasBegun
  return isLoading && /moduleSpecifier|file:\/\//.test(lastOutput) ? describeLoading(lastOutput) : undefined
}

function describeLoading(output: string): string {
  const message = output
    .replace(/^could not initialize '[^']*': could not load JS test '[^']*': /, '')
    .replace(/ Make sure that you've .*$/, '')
  return (
    'k6 cannot load it, although Node can (k6 runs journeys in a runtime of its own, ' +
    `without Node's modules and globals): ${toOneLine(message, 300)}`
  )
}

/** Our script with all that it reads, for k6 on other machines. */
export interface ScriptArchive {
  bytes: Buffer
  /** The certificates that k6 is to trust, as PEM; undefined: those of its system. */
  trusted: string | undefined
}

/** Archives our script, without the values of its secrets. Leaves no file. */
export async function archiveScript(
  script: ScriptRun,
  { path, folder, env }: Omit<K6Host, 'signal'>,
): Promise<({ state: 'ok' } & ScriptArchive) | { state: 'usage-error'; reason: string }> {
  const { entry, files, trusted } = await writeScriptFiles(script, folder)
  const archive = join(folder, 'archive.tar')
  try {
    const made = await archiveWithK6(path, entry, archive, { folder, env })
    if (made.state === 'failed') return { state: 'usage-error', reason: describeLoading(made.reason) }
    const pem = trusted === undefined ? undefined : await readFile(trusted, 'utf8')
    return { state: 'ok', bytes: await readFile(archive), trusted: pem }
  } finally {
    const all = [...files, archive]
    await Promise.all(all.map(async (file) => rm(file, { recursive: true, force: true })))
  }
}
