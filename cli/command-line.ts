import { Option } from 'commander'
import type { Command } from 'commander'
import type { CompareOptions } from './commands/compare.ts'
import type { GateOptions } from './commands/gate.ts'
import type { HistoryOptions } from './commands/history.ts'
import type { LoadOptions } from './commands/load.ts'
import type { ProbeOptions } from './commands/probe.ts'
import type { UptimeOptions } from './commands/uptime.ts'
import { positiveInteger, positiveNumber, withCommonOptions } from './options.ts'
import type { CommonOptions } from './options.ts'
import type { World } from './world.ts'

const daySeconds = 86_400

/** Told once, by the command that was run, how it ended: the exit code. */
export type Ended = (code: number) => void

/** Describes the commands. What they do is imported when they are run, so that help comes at once. */
export function addCommands(program: Command, world: World, ended: Ended): void {
  for (const add of [gateCommand, probeCommand, uptimeCommand, loadCommand, compareCommand, historyCommand, reportCommand, doctorCommand]) add(program, world, ended)
}

function gateCommand(program: Command, world: World, ended: Ended): void {
  withCommonOptions(program.command('gate'))
    .description('The main job: start the target if none is given, probe it, load it, judge the budgets, report, push.')
    .addOption(new Option('--engine <engine>', 'load with the suites of one engine only').choices(['k6', 'autocannon', 'both']).default('both'))
    .option('--duration <seconds>', 'measure each suite for so long instead of as configured', positiveNumber('seconds', daySeconds))
    .option('--require-push', 'exit 4 when the metrics could not be pushed')
    .addHelpText('after', examples(['vigil gate', 'vigil gate --target https://staging.example.org', 'vigil gate --engine k6 --duration 60', 'vigil gate --json > verdict.json']))
    .action(async (options: GateOptions) => {
      const { gate } = await import('./commands/gate.ts')
      ended(await gate(options, world))
    })
}

function probeCommand(program: Command, world: World, ended: Ended): void {
  withCommonOptions(program.command('probe [names...]'))
    .description('Run probes, all or those named: once, or as a scheduler until it is interrupted. Results are kept for vigil uptime.')
    .option('--once', 'run each probe once and end (the default)')
    .addOption(new Option('--every [cron]', "run on a schedule: each probe by its own 'every', or all by this interval ('30s') or cron expression; with --json one line an event").conflicts('once'))
    .option('--metrics-port <port>', 'serve metrics to Prometheus on this port (with --every)', positiveInteger('a port', 65_535))
    .option('--metrics-host <address>', 'the address to serve them on', '127.0.0.1')
    .addHelpText('after', examples(['vigil probe', 'vigil probe health --target https://staging.example.org', 'vigil probe --once --json', 'vigil probe --every --metrics-port 9464', "vigil probe health --every '*/30 * * * * *' --target https://example.org"]))
    .action(async (names: string[], options: ProbeOptions) => {
      const { probe } = await import('./commands/probe.ts')
      ended(await probe(names, options, world))
    })
}

function uptimeCommand(program: Command, world: World, ended: Ended): void {
  program
    .command('uptime [probes...]')
    .description('How probes found their target: shares of time, what is left of the error budget, incidents, flaky steps.')
    .option('--config <file>', 'the config to read', 'vigil.config.ts')
    .option('--out <dir>', 'where results are kept', '.vigil')
    .option('--days <count>', 'look at so many days', positiveNumber('days', 400), 30)
    .option('--slo <percent>', 'the share of time that was promised', positiveNumber('per cent', 99.9999), 99.9)
    .option('--json', 'exactly one JSON document on stdout')
    .addHelpText('after', examples(['vigil uptime', 'vigil uptime health --days 7 --slo 99.5', 'vigil uptime --json | jq .probes[].shares']))
    .action(async (names: string[], options: UptimeOptions) => {
      const { uptime } = await import('./commands/uptime.ts')
      ended(await uptime(names, options, world))
    })
}

function loadCommand(program: Command, world: World, ended: Ended): void {
  withCommonOptions(program.command('load [suite]'))
    .description('One load run: a run record, and its budgets judged.')
    .addOption(new Option('--engine <engine>', "load with this engine instead of the suite's").choices(['k6', 'autocannon']))
    .option('--rate <perSecond>', 'journeys started per second (k6)', positiveNumber('journeys per second', 100_000))
    .option('--connections <count>', 'connections kept busy (autocannon)', positiveInteger('connections', 10_000))
    .option('--duration <seconds>', 'measure for so long instead of as configured', positiveNumber('seconds', daySeconds))
    .addHelpText('after', examples(['vigil load', 'vigil load browse --rate 50 --duration 30', 'vigil load --engine autocannon --connections 20', 'vigil load browse --json | jq .totals.latency']))
    .action(async (suite: string | undefined, options: LoadOptions) => {
      const { load } = await import('./commands/load.ts')
      ended(await load(suite, options, world))
    })
}

function compareCommand(program: Command, world: World, ended: Ended): void {
  program
    .command('compare')
    .description('Judge records made earlier: is the candidate slower than the baseline. As many on both sides: the i-th are a pair.')
    .option('--baseline <file...>', 'records (files, run folders or ids) of what it is held against')
    .option('--candidate <file...>', 'records of what is judged')
    .option('--batch <file>', "a file of cases, one a line, or - for standard input; one verdict a line, with the case's id")
    .option('--strict', 'fail only when the whole interval lies beyond the margin')
    .option('--margin <percent>', 'loss accepted before it is a fail', positiveNumber('per cent', 1000))
    .option('--out <dir>', 'where runs and reports are kept', '.vigil')
    .option('--json', 'exactly one JSON document on stdout')
    .addHelpText('after', examples(['vigil compare --baseline main/*.json --candidate branch/*.json', 'vigil compare --baseline a.jsonl --candidate b.jsonl --json', 'vigil compare --batch cases.jsonl > verdicts.jsonl']))
    .action(async (options: CompareOptions) => {
      const { compare } = await import('./commands/compare.ts')
      ended(await compare(options, world))
    })
}

function historyCommand(program: Command, world: World, ended: Ended): void {
  program
    .command('history [suite]')
    .description('Runs over time, and about where their level changed.')
    .option('--metric <metric>', 'look at one metric only')
    .option('--batch <file>', 'a file of series, one a line, or - for standard input; its change points a line')
    .option('--out <dir>', 'where runs and reports are kept', '.vigil')
    .option('--json', 'exactly one JSON document on stdout')
    .addHelpText('after', examples(['vigil history', 'vigil history browse --metric p95Ms', 'vigil history --batch series.jsonl > changes.jsonl']))
    .action(async (suite: string | undefined, options: HistoryOptions) => {
      const { history } = await import('./commands/history.ts')
      ended(await history(suite, options, world))
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
