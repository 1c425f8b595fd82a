import { Command, CommanderError, Option } from 'commander'
import type { CommonOptions } from './options.ts'
import { positiveInteger, positiveNumber, withCommonOptions } from './options.ts'
import { exitCodes } from './exit-codes.ts'
import { Misuse } from './world.ts'
import type { World } from './world.ts'
import type { GateOptions } from './commands/gate.ts'
import type { LoadOptions } from './commands/load.ts'
import type { ProbeOptions } from './commands/probe.ts'
import { version } from './version.ts'

const day = 86_400

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
  gateCommand(program, world, ended)
  probeCommand(program, world, ended)
  loadCommand(program, world, ended)
  reportCommand(program, world, ended)
  doctorCommand(program, world, ended)
  return program
}

type Ended = (code: number) => void

function gateCommand(program: Command, world: World, ended: Ended): void {
  withCommonOptions(program.command('gate'))
    .description('The main job: start the target if none is given, probe it, load it, judge the budgets, report, push.')
    .addOption(new Option('--engine <engine>', 'load with the suites of one engine only').choices(['k6', 'autocannon', 'both']).default('both'))
    .option('--duration <seconds>', 'measure each suite for so long instead of as configured', positiveNumber('seconds', day))
    .option('--require-push', 'exit 4 when the metrics could not be pushed')
    .addHelpText('after', examples(['vigil gate', 'vigil gate --target https://staging.example.org', 'vigil gate --engine k6 --duration 60', 'vigil gate --json > verdict.json']))
    .action(async (options: GateOptions) => {
      const { gate } = await import('./commands/gate.ts')
      ended(await gate(options, world))
    })
}

function probeCommand(program: Command, world: World, ended: Ended): void {
  withCommonOptions(program.command('probe [names...]'))
    .description('Run probes now, all or those named.')
    .option('--once', 'run each probe once and end (the default)')
    .addHelpText('after', examples(['vigil probe', 'vigil probe health --target https://staging.example.org', 'vigil probe --once --json']))
    .action(async (names: string[], options: ProbeOptions) => {
      const { probe } = await import('./commands/probe.ts')
      ended(await probe(names, options, world))
    })
}

function loadCommand(program: Command, world: World, ended: Ended): void {
  withCommonOptions(program.command('load [suite]'))
    .description('One load run: a run record, and its budgets judged.')
    .addOption(new Option('--engine <engine>', "load with this engine instead of the suite's").choices(['k6', 'autocannon']))
    .option('--rate <perSecond>', 'journeys started per second (k6)', positiveNumber('journeys per second', 100_000))
    .option('--connections <count>', 'connections kept busy (autocannon)', positiveInteger('connections', 10_000))
    .option('--duration <seconds>', 'measure for so long instead of as configured', positiveNumber('seconds', day))
    .addHelpText('after', examples(['vigil load', 'vigil load browse --rate 50 --duration 30', 'vigil load --engine autocannon --connections 20', 'vigil load browse --json | jq .totals.latency']))
    .action(async (suite: string | undefined, options: LoadOptions) => {
      const { load } = await import('./commands/load.ts')
      ended(await load(suite, options, world))
    })
}

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
