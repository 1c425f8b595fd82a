import { existsSync } from 'node:fs'
import type { Command } from 'commander'
import { UsageError } from './shared/world.ts'
import type { World } from './shared/world.ts'
import type { InitOptions } from './commands/init/command.ts'

/** Runs a command and keeps its exit code. */
export type Execute = (command: (world: World) => Promise<number>) => Promise<void>

type Runner = ReturnType<typeof createLazyRunner>

/** A command as `vigil --help` lists it. `add` imports and adds all of its description. */
interface CommandEntry {
  name: string
  summary: string
  /** The heading of `vigil --help` that lists it. */
  group: 'Check' | 'Look back' | 'Watch' | 'Set up'
  add: (program: Command, run: Runner) => Promise<void>
  /** Works with `monitoring/`, which the npm package and the image of the probes do not have. */
  needsMonitoring?: true
}

// Names and summaries are here, the options next to each command's code: importing all commands for the list
// takes longer than printing it.
const commands: readonly CommandEntry[] = [
  {
    name: 'gate',
    summary: 'probe and load the target, judge its budgets, report and push',
    group: 'Check',
    add: async (program, run) => {
      const { addGateCommand } = await import('./commands/gate/command.ts')
      addGateCommand(
        program,
        run(async () => (await import('./commands/gate/run.ts')).gate),
      )
    },
  },
  {
    name: 'probe',
    summary: 'run probes once, or on a schedule until interrupted',
    group: 'Check',
    add: async (program, run) => {
      const { addProbeCommand } = await import('./commands/probe/command.ts')
      addProbeCommand(
        program,
        run(async () => (await import('./commands/probe/run.ts')).probe),
      )
    },
  },
  {
    name: 'load',
    summary: 'run one suite, and judge its budgets',
    group: 'Check',
    add: async (program, run) => {
      const { addLoadCommand } = await import('./commands/load/command.ts')
      addLoadCommand(
        program,
        run(async () => (await import('./commands/load/run.ts')).load),
      )
    },
  },
  {
    name: 'ab',
    summary: 'compare two revisions, or two URLs, under the same load',
    group: 'Check',
    add: async (program, run) => {
      const { addAbCommand } = await import('./commands/ab/command.ts')
      addAbCommand(
        program,
        run(async () => (await import('./commands/ab/run.ts')).ab),
      )
    },
  },
  {
    name: 'capacity',
    summary: 'find the load at which a budget breaks, and what saturates first',
    group: 'Check',
    add: async (program, run) => {
      const { addCapacityCommand } = await import('./commands/capacity/command.ts')
      addCapacityCommand(
        program,
        run(async () => (await import('./commands/capacity/run.ts')).capacity),
      )
    },
  },
  {
    name: 'uptime',
    summary: 'show daily uptime, error budget, incidents and flaky steps',
    group: 'Look back',
    add: async (program, run) => {
      const { addUptimeCommand } = await import('./commands/uptime/command.ts')
      addUptimeCommand(
        program,
        run(async () => (await import('./commands/uptime/run.ts')).uptime),
      )
    },
  },
  {
    name: 'history',
    summary: 'show runs over time, and where their level changed',
    group: 'Look back',
    add: async (program, run) => {
      const { addHistoryCommand } = await import('./commands/history/command.ts')
      addHistoryCommand(
        program,
        run(async () => (await import('./commands/history/run.ts')).history),
      )
    },
  },
  {
    name: 'report',
    summary: 'write the reports of a run again',
    group: 'Look back',
    add: async (program, run) => {
      const { addReportCommand } = await import('./commands/report/command.ts')
      addReportCommand(
        program,
        run(async () => (await import('./commands/report/run.ts')).report),
      )
    },
  },
  {
    name: 'publish',
    summary: 'show a result in the pull request: check, comment, summary',
    group: 'Look back',
    add: async (program, run) => {
      const { addPublishCommand } = await import('./commands/publish/command.ts')
      addPublishCommand(
        program,
        run(async () => (await import('./commands/publish/run.ts')).publish),
      )
    },
  },
  {
    name: 'compare',
    summary: 'judge whether candidate records are slower than baseline records',
    group: 'Look back',
    add: async (program, run) => {
      const { addCompareCommand } = await import('./commands/compare/command.ts')
      addCompareCommand(
        program,
        run(async () => (await import('./commands/compare/run.ts')).compare),
      )
    },
  },
  {
    name: 'mcp',
    summary: 'serve results to a coding agent, and runs if you allow it',
    group: 'Look back',
    add: async (program, run) => {
      const { addMcpCommand } = await import('./commands/mcp/command.ts')
      addMcpCommand(
        program,
        run(async () => (await import('./commands/mcp/run.ts')).mcp),
      )
    },
  },
  {
    name: 'up',
    summary: 'start the service and its monitoring locally, without containers',
    group: 'Watch',
    needsMonitoring: true,
    add: async (program, run) => {
      const { addUpCommand } = await import('./commands/up/command.ts')
      addUpCommand(
        program,
        run(async () => (await import('./commands/up/run.ts')).up),
      )
    },
  },
  {
    name: 'down',
    summary: 'stop what vigil up started',
    group: 'Watch',
    needsMonitoring: true,
    add: async (program, run) => {
      const { addDownCommand } = await import('./commands/down/command.ts')
      addDownCommand(
        program,
        run(async () => (await import('./commands/down/run.ts')).down),
      )
    },
  },
  {
    name: 'drill',
    summary: 'test that each alert fires, reaches its receivers and resolves',
    group: 'Watch',
    needsMonitoring: true,
    add: async (program, run) => {
      const { addDrillCommand } = await import('./commands/drill/command.ts')
      addDrillCommand(
        program,
        run(async () => (await import('./commands/drill/run.ts')).drill),
      )
    },
  },
  {
    name: 'init',
    summary: 'write a config, journeys and a CI workflow for a service',
    group: 'Set up',
    add: async (program, run) => {
      const { addInitCommand } = await import('./commands/init/command.ts')
      addInitCommand(
        program,
        run(async () => {
          const { init } = await import('./commands/init/run.ts')
          return async (url: string | undefined, options: InitOptions, world: World) =>
            init(url, options, world)
        }),
      )
    },
  },
  {
    name: 'doctor',
    summary: 'check tools, limits and (with --noise) how noisy this machine is',
    group: 'Set up',
    add: async (program, run) => {
      const { addDoctorCommand } = await import('./commands/doctor/command.ts')
      addDoctorCommand(
        program,
        run(async () => (await import('./commands/doctor/run.ts')).doctor),
      )
    },
  },
  {
    name: 'baseline',
    summary: 'accept, show or waive what later runs are compared with',
    group: 'Set up',
    add: async (program, run) => {
      const { addBaselineCommand } = await import('./commands/baseline/command.ts')
      addBaselineCommand(
        program,
        run(async () => (await import('./commands/baseline/run.ts')).baseline),
      )
    },
  },
]

const hasMonitoring = existsSync(new URL('../monitoring/', import.meta.url))

/** Whether vigil has a command of this name. */
export function isCommand(name: string): boolean {
  return commands.some((command) => command.name === name)
}

/** Adds all commands in the order of the help, but describes only those that are needed. */
export async function addCommands(
  program: Command,
  execute: Execute,
  isNeeded: (name: string) => boolean,
): Promise<void> {
  const run = createLazyRunner(execute)
  for (const { name, summary, group, add, needsMonitoring } of commands) {
    const isAvailable = hasMonitoring || needsMonitoring !== true
    if (isNeeded(name) && !isAvailable)
      throw new UsageError(
        `${name}: not part of the npm package, which has no monitoring: use a checkout of vigil`,
      )
    if (!isAvailable) continue
    if (isNeeded(name)) await add(program, run)
    else program.command(name)
    program.commands.at(-1)?.summary(summary).helpGroup(`${group}:`)
  }
}

/** Turns a function that imports a command's code into the action of the command. */
function createLazyRunner(execute: Execute) {
  return <Args extends unknown[]>(load: () => Promise<(...args: [...Args, World]) => Promise<number>>) =>
    async (...args: Args): Promise<void> =>
      execute(async (world) => (await load())(...args, world))
}
