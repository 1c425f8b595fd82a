import { Command, CommanderError, Help } from 'commander'
import { addAbCommand } from './commands/ab/command.ts'
import { addBaselineCommand } from './commands/baseline/command.ts'
import { addCapacityCommand } from './commands/capacity/command.ts'
import { addCompareCommand } from './commands/compare/command.ts'
import { addDoctorCommand } from './commands/doctor/command.ts'
import { addDownCommand } from './commands/down/command.ts'
import { addDrillCommand } from './commands/drill/command.ts'
import { addGateCommand } from './commands/gate/command.ts'
import { addHistoryCommand } from './commands/history/command.ts'
import { addLoadCommand } from './commands/load/command.ts'
import { addProbeCommand } from './commands/probe/command.ts'
import { addReportCommand } from './commands/report/command.ts'
import { addUpCommand } from './commands/up/command.ts'
import { addUptimeCommand } from './commands/uptime/command.ts'
import { exitCodes } from './exit-codes.ts'
import { diskProblem, UsageError, version } from './shared/world.ts'
import type { World } from './shared/world.ts'

/** Runs the command that the arguments name. Returns the exit code; prints a usage error as one line. */
export async function runProgram(args: readonly string[], world: World): Promise<number> {
  let code: number = exitCodes.usageError.code
  const program = createProgram(async (command) => void (code = await command(world)), world)
  try {
    await program.parseAsync(args, { from: 'user' })
    return code
  } catch (error) {
    if (error instanceof CommanderError)
      return error.exitCode === 0 ? exitCodes.pass.code : exitCodes.usageError.code
    if (error instanceof UsageError) {
      world.stderr(`vigil: ${error.message}\n`)
      return exitCodes.usageError.code
    }
    const disk = diskProblem(error)
    world.stderr(disk === undefined ? internalErrorText(error, world.env) : `vigil: ${disk}\n`)
    return exitCodes.invalid.code
  }
}

/** Runs a command and keeps its exit code. */
type Execute = (command: (world: World) => Promise<number>) => Promise<void>

/** Assembles the commands. What a command runs is imported when it runs, so that `--help` is fast. */
function createProgram(execute: Execute, { stdout, stderr }: Pick<World, 'stdout' | 'stderr'>): Command {
  const program = new Command('vigil')
    .description(
      'Shows a team, before and after a release, whether their HTTP service meets its performance targets.',
    )
    .version(version(), '--version')
    .helpCommand(false)
    .exitOverride()
    .configureOutput({
      writeOut: stdout,
      writeErr: stderr,
      outputError: (text, write) => write(toOneLine(text)),
    })
    // Names alone: with arguments the left column is so wide that descriptions no longer wrap.
    .configureHelp({ subcommandTerm: (command) => command.name() })
    .addHelpText(
      'after',
      `\nExit codes:\n${exitCodeLines()}\n\nEach command has its own --help, with examples.`,
    )
  addCommands(program, execute)
  return program
}

/** Turns a function that imports a command's code into the action of the command. */
function createLazyRunner(execute: Execute) {
  return <Args extends unknown[]>(load: () => Promise<(...args: [...Args, World]) => Promise<number>>) =>
    async (...args: Args): Promise<void> =>
      execute(async (world) => (await load())(...args, world))
}

function addCommands(program: Command, execute: Execute): void {
  const run = createLazyRunner(execute)
  addGateCommand(
    program,
    run(async () => (await import('./commands/gate/run.ts')).gate),
  )
  addProbeCommand(
    program,
    run(async () => (await import('./commands/probe/run.ts')).probe),
  )
  addUptimeCommand(
    program,
    run(async () => (await import('./commands/uptime/run.ts')).uptime),
  )
  addLoadCommand(
    program,
    run(async () => (await import('./commands/load/run.ts')).load),
  )
  addAbCommand(
    program,
    run(async () => (await import('./commands/ab/run.ts')).ab),
  )
  addCompareCommand(
    program,
    run(async () => (await import('./commands/compare/run.ts')).compare),
  )
  addBaselineCommand(
    program,
    run(async () => (await import('./commands/baseline/run.ts')).baseline),
  )
  addHistoryCommand(
    program,
    run(async () => (await import('./commands/history/run.ts')).history),
  )
  addCapacityCommand(
    program,
    run(async () => (await import('./commands/capacity/run.ts')).capacity),
  )
  addReportCommand(
    program,
    run(async () => (await import('./commands/report/run.ts')).report),
  )
  addDoctorCommand(
    program,
    run(async () => (await import('./commands/doctor/run.ts')).doctor),
  )
  addUpCommand(
    program,
    run(async () => (await import('./commands/up/run.ts')).up),
  )
  addDownCommand(
    program,
    run(async () => (await import('./commands/down/run.ts')).down),
  )
  addDrillCommand(
    program,
    run(async () => (await import('./commands/drill/run.ts')).drill),
  )
}

/** The command line for reading only: it prints and runs nothing. */
export function describeCommands(): Command {
  return createProgram(async () => undefined, { stdout: () => undefined, stderr: () => undefined })
}

function exitCodeLines(): string {
  const help = new Help()
  const indent = ' '.repeat(7)
  return Object.values(exitCodes)
    .map(({ code, means }) => {
      const text = help.boxWrap(means, 80 - indent.length).replaceAll('\n', `\n${indent}`)
      return `  ${String(code).padEnd(4)} ${text}`
    })
    .join('\n')
}

function toOneLine(text: string): string {
  const line = text
    .trim()
    .replace(/^error: /, '')
    .replaceAll(/\s*\n\s*/g, ' ')
  return `vigil: ${line} (see 'vigil --help')\n`
}

// A defect of vigil, not of the user's input. Its stack trace is printed only with VIGIL_DEBUG.
function internalErrorText(error: unknown, env: NodeJS.ProcessEnv): string {
  const debug = Boolean(env['VIGIL_DEBUG'])
  const detail =
    error instanceof Error
      ? debug
        ? error.stack
        : `${error.name}: ${error.message.split('\n')[0]}`
      : String(error)
  return `vigil: internal error: ${detail}${debug ? '' : ' (VIGIL_DEBUG=1 shows where; please report it)'}\n`
}
