import { Command, CommanderError } from 'commander'
import type { CommonOptions } from './options.ts'
import { withCommonOptions } from './options.ts'
import { exitCodes } from './exit-codes.ts'
import { Misuse } from './world.ts'
import type { World } from './world.ts'
import { version } from './version.ts'

/** Reads the command line, runs the command, and says how it ended: the exit code. Prints what the user got wrong as one line. */
export async function runProgram(args: readonly string[], world: World): Promise<number> {
  let code: number = exitCodes.misuse.code
  const program = describe(world, (ended) => (code = ended))
  try {
    await program.parseAsync(args, { from: 'user' })
    return code
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.pass.code : exitCodes.misuse.code
    if (error instanceof Misuse) {
      world.stderr(`vigil: ${error.message}\n`)
      return exitCodes.misuse.code
    }
    world.stderr(internalError(error, world.env))
    return exitCodes.invalid.code
  }
}

function describe(world: World, ended: (code: number) => void): Command {
  const program = new Command('vigil')
    .description('Tells a team, before and after a release, whether their HTTP service still keeps its performance promises.')
    .version(version(), '--version')
    .helpCommand(false)
    .exitOverride()
    .configureOutput({ writeOut: world.stdout, writeErr: world.stderr, outputError: (text, write) => write(oneLine(text)) })
    .addHelpText('after', `\nExit codes:\n${exitCodeLines()}\n\nEach command has its own --help, with examples.`)
  reportCommand(program, world, ended)
  doctorCommand(program, world, ended)
  return program
}

type Ended = (code: number) => void

function reportCommand(program: Command, world: World, ended: Ended): void {
  withCommonOptions(program.command('report [run]'))
    .description('Write the reports of a run again from its record: the newest run, or one by id, folder or record file.')
    .addHelpText('after', examples(['vigil report', 'vigil report .vigil/runs/20260102-030405-006-browse-a1b2', 'vigil report --json']))
    .action(async (run: string | undefined, options: CommonOptions) => {
      const { report } = await import('./commands/report.ts')
      ended(await report(run, options, world))
    })
}

function doctorCommand(program: Command, world: World, ended: Ended): void {
  program
    .command('doctor')
    .description('Is this machine fit to measure: tools and versions, limits.')
    .option('--out <dir>', 'where runs, reports and fetched tools are kept', '.vigil')
    .option('--json', 'exactly one JSON document on stdout')
    .addHelpText('after', examples(['vigil doctor', 'vigil doctor --json']))
    .action(async (options: Pick<CommonOptions, 'out' | 'json'>) => {
      const { doctor } = await import('./commands/doctor.ts')
      ended(await doctor(options, world))
    })
}

function examples(lines: readonly string[]): string {
  return `\nExamples:\n${lines.map((line) => `  ${line}`).join('\n')}`
}

function exitCodeLines(): string {
  return Object.values(exitCodes).map(({ code, means }) => `  ${String(code).padEnd(4)} ${means}`).join('\n')
}

function oneLine(text: string): string {
  const line = text.trim().replace(/^error: /, '').replaceAll(/\s*\n\s*/g, ' ')
  return `vigil: ${line} (see 'vigil --help')\n`
}

// A defect of ours, not of the user's input: still no stack trace unless it is asked for.
function internalError(error: unknown, env: NodeJS.ProcessEnv): string {
  const debug = Boolean(env['VIGIL_DEBUG'])
  const detail = error instanceof Error ? (debug ? error.stack : `${error.name}: ${error.message.split('\n')[0]}`) : String(error)
  return `vigil: internal error: ${detail}${debug ? '' : ' (VIGIL_DEBUG=1 shows where; please report it)'}\n`
}
