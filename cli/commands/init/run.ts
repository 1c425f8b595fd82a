import { existsSync } from 'node:fs'
import { rm, rmdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { loadJourneys, openConnections, sendRequest } from '../../../journeys/client/index.ts'
import { runId } from '../../../record/index.ts'
import { exitCodes } from '../../exit-codes.ts'
import { createProgress } from '../../shared/progress.ts'
import { measureSuite } from '../../shared/measure.ts'
import { preflight } from '../../shared/target.ts'
import { configNames } from '../../shared/options.ts'
import { UsageError } from '../../shared/world.ts'
import type { World } from '../../shared/world.ts'
import type { InitOptions } from './command.ts'
import type { Candidate } from './draft.ts'
import { describeFiles, ignoreResults, writeNew, writeWorkflow } from './files.ts'
import type { WrittenFile } from './files.ts'
import { findMetricsPath, findReadyPath, isLoopback } from './find.ts'
import { chooseService, hasPackage, readSource, readToken, toCommand } from './inputs.ts'
import { findJourneys, playAll, verify } from './journeys.ts'
import type { Source } from './journeys.ts'
import { measure, withService } from './measure.ts'
import type { Measured, Setting } from './measure.ts'
import { renderConfig } from './render.ts'

const journeysFile = 'vigil/journeys.ts'
const configFile = 'vigil.config.ts'

/**
 * Writes a config, journeys and a workflow for a service, and runs the first gate.
 *
 * @param measureLoad tests pass another one, whose result does not depend on how busy the machine is
 */
export async function init(
  url: string | undefined,
  options: InitOptions,
  world: World,
  measureLoad: Setting['measureLoad'] = measureSuite,
): Promise<number> {
  if (options.monitoring) return (await import('./monitoring.ts')).initMonitoring(world)
  const config = configNames.find((name) => existsSync(join(world.cwd, name)))
  if (config !== undefined)
    throw new UsageError(
      `${config} exists already, and init never overwrites: run 'vigil gate', or remove it first`,
    )
  if (options.yes !== true && world.ask === undefined)
    throw new UsageError("no terminal is there to answer init's questions: run it with --yes")
  const progress = createProgress(world, options.quiet ?? false)
  const source = await readSource(options, world)
  const command = options.command === undefined ? undefined : toCommand(options.command)
  const target = url ?? source.recording?.recording.origin ?? (await chooseService(command, world))
  const secrets = readToken(options.token, world)
  const connections = openConnections(1)
  const run = runId(world.now, world.random, 'init')
  const setting: Setting = {
    world: { ...world, ...progress.streams },
    options,
    measureLoad,
    progress,
    url: target,
    command,
    scratch: join(world.cwd, '.vigil', 'init', run),
    hasPackage: hasPackage(world.cwd),
    exploration: {
      run,
      allowWrites: isLoopback(target) || options.allowWrites === true,
      secrets,
      token: options.token,
      send: async (request) => {
        const limits = {
          timeoutMs: 10_000,
          maxBodyBytes: 32 * 2 ** 20,
          purpose: 'init',
          signal: world.interrupted,
        }
        return sendRequest(target, request, limits, connections)
      },
    },
  }
  try {
    const prepared = await withService(setting, async () => prepare(setting, source))
    return typeof prepared === 'number' ? prepared : await finish(setting, prepared)
  } finally {
    await connections.destroy()
    await rm(setting.scratch, { recursive: true, force: true })
    // Not another init's.
    await rmdir(dirname(setting.scratch)).catch(() => undefined)
  }
}

/** Journeys that passed, and what a config and a report need to know of them. */
interface FoundJourneys {
  names: string[]
  leavingData: string[]
  /** Of all journeys. */
  steps: number
  candidates: readonly Candidate[]
  ready: string | undefined
  /** undefined: the project has the module already. */
  text: string | undefined
}

/** All that is to be written. */
interface Prepared {
  found: FoundJourneys
  config: string
  measured: Measured
}

/** Finds and verifies journeys and measures them. Returns an exit code if there is nothing to write. */
async function prepare(setting: Setting, source: Source): Promise<Prepared | number> {
  const { world, progress, url, exploration, options } = setting
  const unreachable = await preflight(url, undefined, world.interrupted)
  if (unreachable !== undefined) {
    world.stderr(`vigil: ${unreachable.reason}: start it, or give its command with --command\n`)
    return exitCodes.invalid.code
  }
  if (!exploration.allowWrites)
    progress.phase(`${url} is not on this machine: only reading requests are sent (--allow-writes sends all)`)
  const isThere = existsSync(join(world.cwd, journeysFile))
  const found = await (isThere ? useExisting(setting) : findAndVerify(setting, source))
  if (world.interrupted.aborted) return exitCodes.interrupted.code
  if (found.names.length === 0) {
    world.stderr(describeNothing(url, found.candidates))
    return exitCodes.invalid.code
  }
  const metrics = await findMetricsPath(url, world.interrupted)
  const secrets = options.token === undefined ? [] : [options.token]
  const facts = { ...found, metrics, secrets }
  const module =
    found.text === undefined ? join(world.cwd, journeysFile) : join(setting.scratch, 'journeys.ts')
  if (found.text !== undefined) await writeFile(module, found.text)
  const steps = found.steps / found.names.length
  const measured = await measure(setting, { ...facts, journeys: module, steps })
  if (world.interrupted.aborted) return exitCodes.interrupted.code
  const { suites, budgets, comment } = measured
  const { command, hasPackage: isTyped } = setting
  const plan = { ...facts, url, command, suites, budgets, measured: comment, hasPackage: isTyped }
  return { found, config: renderConfig({ ...plan, journeys: `./${journeysFile}` }), measured }
}

function describeNothing(url: string, candidates: readonly Candidate[]): string {
  const some = candidates.slice(0, 5).map(({ method, path, reason }) => `\n  ${method} ${path}: ${reason}`)
  return (
    `vigil: no request to ${url} was answered with 2xx, so nothing was written: ` +
    `give --openapi, --har or --token${some.join('')}\n`
  )
}

async function findAndVerify(setting: Setting, source: Source): Promise<FoundJourneys> {
  const { exploration, progress, url, hasPackage: isTyped, scratch } = setting
  const basePath = new URL(url).pathname.replace(/\/+$/, '')
  const sent = await findJourneys({ ...source, basePath }, exploration, progress)
  const { journeys, text } = await verify(sent.journeys, sent.name, isTyped, scratch, exploration)
  const written = journeys.filter(({ steps }) => steps.length > 0)
  return {
    names: written.map(({ name }) => name),
    leavingData: written.filter(({ leavesData }) => leavesData).map(({ name }) => name),
    steps: written.reduce((sum, { steps }) => sum + steps.length, 0),
    candidates: journeys.flatMap(({ candidates }) => candidates),
    ready: findReadyPath(written),
    text,
  }
}

/** Journeys that the project has stay as they are: those that pass are used. */
async function useExisting({ world, progress, exploration }: Setting): Promise<FoundJourneys> {
  const loaded = await loadJourneys(join(world.cwd, journeysFile))
  if (loaded.state === 'usage-error') throw new UsageError(loaded.reason)
  progress.phase(`${journeysFile} exists already: playing its journeys`)
  const failures = await playAll(loaded.journeys, exploration, 0)
  for (const [name, { step, message }] of failures) progress.warn(`journey ${name}: ${step}: ${message}`)
  const passed = loaded.journeys.filter(({ name }) => !failures.has(name))
  return {
    names: passed.map(({ name }) => name),
    leavingData: [],
    steps: passed.reduce((sum, { steps }) => sum + steps.length, 0),
    candidates: [],
    ready: undefined,
    text: undefined,
  }
}

/** Writes the files, says what it did, and runs the first gate. */
async function finish(setting: Setting, prepared: Prepared): Promise<number> {
  const { world, options, url } = setting
  if (options.yes !== true) {
    const question = `Write ${configFile}, ${journeysFile}, .gitignore and a workflow? [Y/n] `
    const answer = (await world.ask?.(question)) ?? 'n'
    if (!/^(?:y(?:es)?)?$/i.test(answer.trim())) {
      world.stderr('vigil: nothing was written\n')
      return exitCodes.pass.code
    }
  }
  const files = await writeFiles(setting, prepared)
  const runsGate = options.gate ?? isLoopback(url)
  world.stdout(`${describeFiles(files)}\n${describeNext(setting, prepared, runsGate)}`)
  if (!runsGate) return exitCodes.pass.code
  world.stdout('\nThe first gate:\n')
  const { gate } = await import('../gate/run.ts')
  return gate(
    { config: configFile, out: '.vigil', engine: 'both', quiet: options.quiet ?? false },
    { ...world, args: ['gate'] },
  )
}

async function writeFiles(
  { world, command, options }: Setting,
  { found, config, measured }: Prepared,
): Promise<WrittenFile[]> {
  const { cwd, env, interrupted } = world
  const about =
    `${count(found.names.length, 'journey')}, ${count(found.steps, 'step')}` +
    (found.candidates.length === 0
      ? ''
      : `; ${count(found.candidates.length, 'request')} without success, as comments`)
  const journeys: WrittenFile =
    found.text === undefined
      ? { path: journeysFile, state: 'kept', about: `it exists already: ${about} pass` }
      : await writeNew(cwd, journeysFile, found.text, about)
  return [
    journeys,
    await writeNew(cwd, configFile, config, measured.comment[0] ?? ''),
    await ignoreResults(cwd),
    await writeWorkflow(
      { folder: cwd, env, signal: interrupted },
      { startsService: command !== undefined, secrets: options.token === undefined ? [] : [options.token] },
    ),
  ]
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`
}

function describeNext({ command, url }: Setting, { found }: Prepared, runsGate: boolean): string {
  const lines = [
    ...(runsGate ? [] : [`Run 'vigil gate'. It loads ${url}.`]),
    ...(found.candidates.length > 0
      ? [`Read the comments in ${journeysFile}: what did not work, and why.`]
      : []),
    ...(command === undefined
      ? [`Set target.command in ${configFile}: then vigil starts the service in CI and for 'vigil ab'.`]
      : []),
    'Set the budgets to what your users need: those written are what was measured here, with headroom.',
    "Accept a few good runs with 'vigil baseline accept': later runs are compared with them.",
  ]
  return `\nNext:\n${lines.map((line, index) => `  ${index + 1}. ${line}`).join('\n')}\n`
}
