import { existsSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  componentNames,
  isComponent,
  findMissingFile,
  formatNotification,
  locateProduction,
  createStackConsole,
  formatUp,
  locateGenerated,
  locateShownFiles,
  startDetached,
  superviseStack,
  describeDownTargets,
  stackToolNames,
  writeGenerated,
} from '../../../monitoring/stack/index.ts'
import type {
  SupervisorListener,
  ComponentName,
  StackPlan,
  StackState,
  StackToolName,
} from '../../../monitoring/stack/index.ts'
import { identifyProcess } from '../../../runtime/processes/index.ts'
import { exitCodes } from '../../exit-codes.ts'
import { basePathOf, findTools, generatedTools, planService } from '../../shared/stack.ts'
import { printJson, UsageError } from '../../shared/world.ts'
import type { World } from '../../shared/world.ts'
import { openSession } from '../../shared/session.ts'
import type { Session } from '../../shared/session.ts'
import type { UpOptions } from './command.ts'

const main = fileURLToPath(new URL('../../main.ts', import.meta.url))
/** Twice production's slowest interval, and time to start. */
const targetsTimeoutMs = 40_000
const targetsIntervalMs = 5000
/** Set for the supervisor that `--detach` starts. */
const supervisorVariable = 'VIGIL_STACK_SUPERVISOR'

/** The folder of the stack below an output folder. */
export function stackFolder(out: string): string {
  return join(out, 'stack')
}

/** Runs the entire stack as local processes until interrupted; with `--detach` until `vigil down`. */
export async function up(options: UpOptions, world: World): Promise<number> {
  const session = await openSession(options, world)
  const ports = portsOf(options.port ?? [])
  const monitoring = resolve(
    world.cwd,
    options.monitoring ?? join(dirname(session.loaded.file), 'monitoring'),
  )
  const configured = await findProduction(session, monitoring, options.monitoring !== undefined)
  if (!session.loaded.config.target.command)
    throw new UsageError(
      `${session.loaded.file}: target.command: missing, expected how the service is started`,
    )
  if (options.detach && world.env[supervisorVariable] === undefined) return detach(session, options)
  const tools = await findTools(session, configured.tools)
  const self = identifyProcess(world.pid)
  if (tools === undefined || self === undefined) return exitCodes.invalid.code
  const shown = locateShownFiles(monitoring)
  const { production, parts } = configured
  const plan = { ...planOf(session, options), production, ...(parts && { parts }), shown, ports, tools }
  const result = await superviseStack(plan, self, listenerFor(session, options), {
    targetsTimeoutMs,
    targetsIntervalMs,
  })
  switch (result.state) {
    case 'ok':
      for (const end of result.unexpectedEnds) session.progress.warn(`${end} (before it was asked to end)`)
      return result.unexpectedEnds.length > 0 ? exitCodes.invalid.code : exitCodes.pass.code
    case 'busy':
      session.progress.warn(
        `the stack is up already (process ${result.by.supervisor.pid}): 'vigil down' ends it`,
      )
      return exitCodes.invalid.code
    case 'invalid':
      throw new UsageError(result.reason)
    case 'failed':
      session.progress.warn(result.reason)
      return exitCodes.invalid.code
  }
}

/** The configuration to load; for a service that has only its rules and routes, the rest is made up. */
async function findProduction(
  session: Session,
  monitoring: string,
  isNamed: boolean,
): Promise<Pick<StackPlan, 'production' | 'parts'> & { tools: readonly StackToolName[] }> {
  const production = locateProduction(monitoring)
  const missing = await findMissingFile(production)
  if (missing === undefined) return { production, tools: stackToolNames }
  const { config, file } = session.loaded
  const generated = locateGenerated(dirname(file))
  if (isNamed || !existsSync(generated.rules) || !existsSync(generated.routes))
    throw new UsageError(
      `${missing}: missing, expected the configuration that production loads ` +
        "(another folder: --monitoring), or what 'vigil init --monitoring' writes",
    )
  const { metrics } = config.target
  const written = await writeGenerated(join(stackFolder(session.out), 'generated'), {
    ...generated,
    metricsPath: metrics === undefined ? undefined : basePathOf(session) + metrics,
    hasProbes: Object.values(config.probes ?? {}).some(({ every }) => every !== undefined),
  })
  if (written.state === 'invalid') throw new UsageError(written.reason)
  return { ...written, tools: generatedTools }
}

function planOf(
  session: Session,
  { freePorts, interval }: UpOptions,
): Omit<StackPlan, 'onEvent' | 'production' | 'shown' | 'ports' | 'tools'> {
  const folder = stackFolder(session.out)
  return {
    ...planService(session, join(folder, 'probes', 'out')),
    folder,
    usualPorts: freePorts !== true,
    interval: interval === undefined ? undefined : `${interval}s`,
  }
}

function listenerFor({ world, progress }: Session, { json }: UpOptions): SupervisorListener {
  const console = createStackConsole(
    world.stdout,
    world.terminal.stdoutIsTerminal ? world.terminal.width : undefined,
  )
  return {
    onPhase: progress.phase,
    onUp: (state) => {
      progress.done()
      if (json) printJson(world, documentOf(state))
      else console.table(state)
      for (const down of describeDownTargets(state.targets)) progress.warn(down)
    },
    onChange: (state, what) => {
      const line = `${new Date(world.now()).toISOString().slice(11, 19)}Z  ${what}`
      if (json) return progress.warn(line)
      return console.line(line, state)
    },
    onDelivery: (received) =>
      json ? progress.phase(formatNotification(received)) : console.line(formatNotification(received)),
  }
}

async function detach(session: Session, options: UpOptions): Promise<number> {
  const { world, out } = session
  const args = [
    'up',
    '--config',
    options.config,
    '--out',
    options.out,
    ...(options.port ?? []).flatMap((port) => ['--port', port]),
    ...(options.freePorts ? ['--free-ports'] : []),
    ...(options.monitoring === undefined ? [] : ['--monitoring', options.monitoring]),
    ...(options.interval === undefined ? [] : ['--interval', String(options.interval)]),
  ]
  const result = await startDetached({
    command: [process.execPath, main, ...args],
    cwd: world.cwd,
    env: { ...world.env, [supervisorVariable]: '1' },
    folder: stackFolder(out),
    signal: world.interrupted,
  })
  if (result.state === 'interrupted') return exitCodes.invalid.code
  if (result.state === 'failed') {
    world.stderr(`${result.reason}\n`)
    return result.code
  }
  const down = options.out === '.vigil' ? 'vigil down' : `vigil down --out ${options.out}`
  if (options.json) printJson(world, documentOf(result.stack))
  else
    world.stdout(
      `Its messages are in ${relative(world.cwd, join(stackFolder(out), 'up.log'))}\n` +
        `${formatUp(result.stack, `'${down}'`)}\n`,
    )
  const downTargets = describeDownTargets(result.stack.targets)
  for (const line of downTargets) session.progress.warn(line)
  return downTargets.length > 0 ? exitCodes.fail.code : exitCodes.pass.code
}

function documentOf({ components, targets }: StackState): object {
  return {
    schema: 'vigil.up/1',
    page: components.find(({ name }) => name === 'receiver')?.url,
    components: components.map(({ name, url, process, ended }) => ({
      name,
      state: ended === undefined ? 'up' : 'ended',
      url,
      ...(process && { pid: process.pid }),
      ...(ended !== undefined && { message: ended }),
    })),
    targets,
  }
}

/** Parses `name=NNNN` of each; 0 is any free port. */
function portsOf(given: readonly string[]): Partial<Record<ComponentName, number>> {
  return Object.fromEntries(
    given.map((text) => {
      const [name = '', port = ''] = text.split('=')
      if (!isComponent(name))
        throw new UsageError(
          `--port: found ${JSON.stringify(text)}, expected one of ${componentNames.join(', ')}, as ` +
            'in prometheus=9090',
        )
      if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535)
        throw new UsageError(`--port: found ${JSON.stringify(text)}, expected a port after ${name}=`)
      return [name, Number(port)]
    }),
  )
}
