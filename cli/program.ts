import { Command, CommanderError } from 'commander'
import { addCommands } from './command-line.ts'
import type { ReportExitCode } from './command-line.ts'
import { diskProblem, version, UsageError } from './shared/world.ts'
import type { World } from './shared/world.ts'
import { exitCodes } from './exit-codes.ts'

/** Reads the command line, runs the command, and says how it ended: the exit code. Prints what the user got wrong as one line. */
export async function runProgram(args: readonly string[], world: World): Promise<number> {
  let code: number = exitCodes.usageError.code
  const program = describe(world, (ended) => (code = ended))
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
    world.stderr(disk === undefined ? internalError(error, world.env) : `vigil: ${disk}\n`)
    return exitCodes.invalid.code
  }
}

function describe(world: World, ended: ReportExitCode): Command {
  const program = new Command('vigil')
    .description(
      'Tells a team, before and after a release, whether their HTTP service still keeps its performance promises.',
    )
    .version(version(), '--version')
    .helpCommand(false)
    .exitOverride()
    .configureOutput({
      writeOut: world.stdout,
      writeErr: world.stderr,
      outputError: (text, write) => write(oneLine(text)),
    })
    .addHelpText(
      'after',
      `\nExit codes:\n${exitCodeLines()}\n\nEach command has its own --help, with examples.`,
    )
  addCommands(program, world, ended)
  return program
}

function exitCodeLines(): string {
  return Object.values(exitCodes)
    .map(({ code, means }) => `  ${String(code).padEnd(4)} ${means}`)
    .join('\n')
}

function oneLine(text: string): string {
  const line = text
    .trim()
    .replace(/^error: /, '')
    .replaceAll(/\s*\n\s*/g, ' ')
  return `vigil: ${line} (see 'vigil --help')\n`
}

// A defect of ours, not of the user's input: still no stack trace unless it is asked for.
function internalError(error: unknown, env: NodeJS.ProcessEnv): string {
  const debug = Boolean(env['VIGIL_DEBUG'])
  const detail =
    error instanceof Error
      ? debug
        ? error.stack
        : `${error.name}: ${error.message.split('\n')[0]}`
      : String(error)
  return `vigil: internal error: ${detail}${debug ? '' : ' (VIGIL_DEBUG=1 shows where; please report it)'}\n`
}
