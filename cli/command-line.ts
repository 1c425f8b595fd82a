import { Argument, Option } from 'commander'
import type { Command } from 'commander'
import type { CapacityOptions } from './commands/capacity/run.ts'
import type { AbOptions } from './commands/ab/options.ts'
import type { BaselineAction, BaselineOptions } from './commands/baseline/run.ts'
import type { CompareOptions } from './commands/compare/run.ts'
import type { DoctorOptions } from './commands/doctor/run.ts'
import type { DrillOptions } from './commands/drill/run.ts'
import type { GateOptions } from './commands/gate/run.ts'
import type { HistoryOptions } from './commands/history/run.ts'
import type { LoadOptions } from './commands/load/run.ts'
import type { ProbeOptions } from './commands/probe/run.ts'
import type { UpOptions } from './commands/up/run.ts'
import type { UptimeOptions } from './commands/uptime/run.ts'
import {
  httpUrl,
  positiveInteger,
  positiveNumber,
  toolUrl,
  variation,
  withCommonOptions,
} from './shared/options.ts'
import type { CommonOptions } from './shared/options.ts'
import type { World } from './shared/world.ts'

const daySeconds = 86_400

/** Told once, by the command that was run, how it ended: the exit code. */
export type ReportExitCode = (code: number) => void

/** Describes the commands. What they do is imported when they are run, so that help comes at once. */
export function addCommands(program: Command, world: World, ended: ReportExitCode): void {
  for (const add of [
    gateCommand,
    probeCommand,
    uptimeCommand,
    loadCommand,
    abCommand,
    compareCommand,
    baselineCommand,
    historyCommand,
    capacityCommand,
    reportCommand,
    doctorCommand,
    upCommand,
    downCommand,
    drillCommand,
  ])
    add(program, world, ended)
}

function gateCommand(program: Command, world: World, ended: ReportExitCode): void {
  withCommonOptions(program.command('gate'))
    .description(
      'The main job: start the target if none is given, probe it, load it, judge the budgets, report, push.',
    )
    .addOption(
      new Option('--engine <engine>', 'load with the suites of one engine only')
        .choices(['k6', 'autocannon', 'both'])
        .default('both'),
    )
    .option(
      '--duration <seconds>',
      'measure each suite for so long instead of as configured',
      positiveNumber('seconds', daySeconds),
    )
    .option(
      '--base <revision>',
      'also hold the work tree against this revision in a duet (default: the branch that CI says a change is for)',
    )
    .option('--require-push', 'exit 4 when the metrics could not be pushed')
    .addHelpText(
      'after',
      examples([
        'vigil gate',
        'vigil gate --target https://staging.example.org',
        'vigil gate --engine k6 --duration 60',
        'vigil gate --base origin/main',
        'vigil gate --json > verdict.json',
      ]),
    )
    .action(async (options: GateOptions) => {
      const { gate } = await import('./commands/gate/run.ts')
      ended(await gate(options, world))
    })
}

function probeCommand(program: Command, world: World, ended: ReportExitCode): void {
  withCommonOptions(program.command('probe [names...]'))
    .description(
      'Run probes, all or those named: once, or as a scheduler until it is interrupted. Results are kept for vigil uptime.',
    )
    .option('--once', 'run each probe once and end (the default)')
    .addOption(
      new Option(
        '--every [cron]',
        "run on a schedule: each probe by its own 'every', or all by this interval ('30s') or cron expression; with --json one line an event",
      ).conflicts('once'),
    )
    .option(
      '--metrics-port <port>',
      'serve metrics to Prometheus on this port (with --every)',
      positiveInteger('a port', 65_535),
    )
    .option('--metrics-host <address>', 'the address to serve them on', '127.0.0.1')
    .addHelpText(
      'after',
      examples([
        'vigil probe',
        'vigil probe health --target https://staging.example.org',
        'vigil probe --once --json',
        'vigil probe --every --metrics-port 9464',
        "vigil probe health --every '*/30 * * * * *' --target https://example.org",
      ]),
    )
    .action(async (names: string[], options: ProbeOptions) => {
      const { probe } = await import('./commands/probe/run.ts')
      ended(await probe(names, options, world))
    })
}

function uptimeCommand(program: Command, world: World, ended: ReportExitCode): void {
  program
    .command('uptime [probes...]')
    .description(
      'How probes found their target: shares of time, what is left of the error budget, incidents, flaky steps.',
    )
    .option('--config <file>', 'the config to read', 'vigil.config.ts')
    .option('--out <dir>', 'where results are kept', '.vigil')
    .option('--days <count>', 'look at so many days', positiveNumber('days', 400), 30)
    .option(
      '--slo <percent>',
      'the share of time that was promised',
      positiveNumber('per cent', 99.9999),
      99.9,
    )
    .option('--json', 'exactly one JSON document on stdout')
    .addHelpText(
      'after',
      examples([
        'vigil uptime',
        'vigil uptime health --days 7 --slo 99.5',
        'vigil uptime --json | jq .probes[].shares',
      ]),
    )
    .action(async (names: string[], options: UptimeOptions) => {
      const { uptime } = await import('./commands/uptime/run.ts')
      ended(await uptime(names, options, world))
    })
}

function loadCommand(program: Command, world: World, ended: ReportExitCode): void {
  withCommonOptions(program.command('load [suite]'))
    .description('One load run: a run record, and its budgets judged.')
    .addOption(
      new Option('--engine <engine>', "load with this engine instead of the suite's").choices([
        'k6',
        'autocannon',
      ]),
    )
    .option(
      '--rate <perSecond>',
      'journeys started per second (k6)',
      positiveNumber('journeys per second', 100_000),
    )
    .option(
      '--connections <count>',
      'connections kept busy (autocannon)',
      positiveInteger('connections', 10_000),
    )
    .option(
      '--duration <seconds>',
      'measure for so long instead of as configured',
      positiveNumber('seconds', daySeconds),
    )
    .addHelpText(
      'after',
      examples([
        'vigil load',
        'vigil load browse --rate 50 --duration 30',
        'vigil load --engine autocannon --connections 20',
        'vigil load browse --json | jq .totals.latency',
      ]),
    )
    .action(async (suite: string | undefined, options: LoadOptions) => {
      const { load } = await import('./commands/load/run.ts')
      ended(await load(suite, options, world))
    })
}

function abCommand(program: Command, world: World, ended: ReportExitCode): void {
  program
    .command('ab [base] [candidate]')
    .description(
      'A duet: two git revisions (the candidate is the work tree if none is named), or two URLs, under the same load at the same time. Measures until it is sure which is slower, and says where and why.',
    )
    .option('--config <file>', 'the config to read', 'vigil.config.ts')
    .option('--suite <suite...>', 'load with these suites (default: the first that has a rate)')
    .option(
      '--rate <perSecond>',
      'journeys started per second on each side',
      positiveNumber('journeys per second', 10_000),
    )
    .option(
      '--pairs <count>',
      'pairs of units of 2.5 s to take while it is open; twice as many while there is time (default: 24)',
      positiveInteger('pairs', 1000),
    )
    .option(
      '--max-minutes <minutes>',
      'leave open what is open after so long (default: 5)',
      positiveNumber('minutes', 600),
    )
    .option('--margin <percent>', 'loss accepted before it is a fail', positiveNumber('per cent', 1000))
    .option('--strict', 'fail only when the whole interval lies beyond the margin')
    .option(
      '--exact <rule...>',
      'what may change of statements, rows and bytes: =equal, =at-most (the default), =ratchet (see vigil baseline ratchet) or =off',
    )
    .option('--target-base <url>', 'the baseline runs at this URL')
    .option('--target-candidate <url>', 'the candidate runs at this URL')
    .option(
      '--bisect <revision...>',
      'find the commit that made it slower, between a good and a bad revision',
    )
    .option('--out <dir>', 'where runs and reports are kept', '.vigil')
    .option('--quiet', 'no progress and no messages but errors')
    .option('--json', 'exactly one JSON document on stdout')
    .addHelpText(
      'after',
      examples([
        'vigil ab origin/main',
        'vigil ab v1.4.0 v1.5.0 --suite browse',
        'vigil ab https://blue.example.org https://green.example.org',
        'vigil ab --bisect v1.4.0 HEAD',
        'vigil ab origin/main --json > verdict.json',
      ]),
    )
    .action(async (base: string | undefined, candidate: string | undefined, options: AbOptions) => {
      const { ab } = await import('./commands/ab/run.ts')
      ended(await ab(base, candidate, options, world))
    })
}

function compareCommand(program: Command, world: World, ended: ReportExitCode): void {
  program
    .command('compare')
    .description(
      'Judge records made earlier: is the candidate slower than the baseline. As many on both sides: the i-th are a pair.',
    )
    .option('--baseline <file...>', 'records (files, run folders or ids) of what it is held against')
    .option('--candidate <file...>', 'records of what is judged')
    .option(
      '--batch <file>',
      "a file of cases, one a line, or - for standard input; one verdict a line, with the case's id",
    )
    .option('--strict', 'fail only when the whole interval lies beyond the margin')
    .option('--margin <percent>', 'loss accepted before it is a fail', positiveNumber('per cent', 1000))
    .option('--out <dir>', 'where runs and reports are kept', '.vigil')
    .option('--json', 'exactly one JSON document on stdout')
    .addHelpText(
      'after',
      examples([
        'vigil compare --baseline main/*.json --candidate branch/*.json',
        'vigil compare --baseline a.jsonl --candidate b.jsonl --json',
        'vigil compare --batch cases.jsonl > verdicts.jsonl',
      ]),
    )
    .action(async (options: CompareOptions) => {
      const { compare } = await import('./commands/compare/run.ts')
      ended(await compare(options, world))
    })
}

function baselineCommand(program: Command, world: World, ended: ReportExitCode): void {
  withCommonOptions(
    program
      .command('baseline')
      .addArgument(
        new Argument(
          '<action>',
          'accept runs, show or list what was accepted, waive a loss for a time, ratchet the counts of a duet that passed',
        ).choices(['accept', 'show', 'list', 'waive', 'ratchet']),
      )
      .argument(
        '[names...]',
        'accept: ids, run folders or record files; show: suites; waive: a suite, a metric and perhaps a step; ratchet: ids or folders of duets',
      ),
  )
    .description(
      'What later runs are held against: accepted runs by suite and environment, committed beside the config.',
    )
    .option('--anchor', 'accept: measure slow creep from these runs on (with --reason)')
    .option('--loss <percent>', 'waive: up to this loss', positiveNumber('per cent', 1000))
    .option('--reason <text>', 'why')
    .option('--owner <name>', 'waive: who answers for it')
    .option('--until <day>', 'waive: the last day on which it holds, such as 2026-12-31')
    .addHelpText(
      'after',
      examples([
        'vigil baseline accept 20260102-030405-006-browse-a1b2',
        'vigil baseline accept .vigil/runs/*-browse-*',
        'vigil baseline list',
        'vigil baseline show browse',
        "vigil baseline waive browse p95Ms --loss 15 --reason 'argon2 costs more now' --owner ana --until 2026-12-31",
        'vigil baseline ratchet .vigil/duets/20260102-030405-006-ab-browse-duet-a1b2',
      ]),
    )
    .action(async (action: BaselineAction, names: string[], options: BaselineOptions) => {
      const { baseline } = await import('./commands/baseline/run.ts')
      ended(await baseline(action, names, options, world))
    })
}

function historyCommand(program: Command, world: World, ended: ReportExitCode): void {
  program
    .command('history [suite]')
    .description('Runs over time, and about where their level changed.')
    .option('--metric <metric>', 'look at one metric only')
    .option(
      '--batch <file>',
      'a file of series, one a line, or - for standard input; its change points a line',
    )
    .option('--runs <count>', 'look at so many of the newest runs', positiveInteger('runs', 1_000_000), 1000)
    .option('--latest', 'only how the newest run of each suite was judged')
    .option('--prune', 'delete the folders of old runs (with --keep), never those that a baseline rests on')
    .option('--keep <count>', 'prune: so many of the newest stay', positiveInteger('runs', 1_000_000))
    .option(
      '--config <file>',
      'the config, which may say where history is kept; prune: beside which baselines lie',
      'vigil.config.ts',
    )
    .option('--out <dir>', 'where runs and reports are kept', '.vigil')
    .option('--json', 'exactly one JSON document on stdout')
    .addHelpText(
      'after',
      examples([
        'vigil history',
        'vigil history browse --metric p95Ms',
        'vigil history --latest',
        'vigil history --prune --keep 500',
        'vigil history --batch series.jsonl > changes.jsonl',
      ]),
    )
    .action(async (suite: string | undefined, options: HistoryOptions) => {
      const { history } = await import('./commands/history/run.ts')
      ended(await history(suite, options, world))
    })
}

function capacityCommand(program: Command, world: World, ended: ReportExitCode): void {
  withCommonOptions(program.command('capacity [suite]'))
    .description(
      'How far the service goes: stepped load until a budget breaks, what saturates first, and when growth gets there.',
    )
    .addOption(
      new Option('--engine <engine>', "load with this engine instead of the suite's").choices([
        'k6',
        'autocannon',
      ]),
    )
    .option(
      '--from <load>',
      "the first load (journeys per second or connections) instead of the suite's own",
      positiveNumber('a load', 100_000),
    )
    .option('--most <load>', 'try no load above', positiveNumber('a load', 100_000))
    .option('--step-seconds <seconds>', 'measure each load for so long', positiveNumber('seconds', 3600), 10)
    .option(
      '--vary <variable=values>',
      'start the service with each value of a variable and load it alike: DATABASE_POOL=2,5,10',
      variation,
    )
    .option('--rounds <count>', 'try each value so often', positiveInteger('rounds', 50), 3)
    .option('--prometheus <url>', "ask this Prometheus how the config's forecasts grew", toolUrl)
    .option('--days <count>', 'look so far back for forecasts', positiveNumber('days', 400), 60)
    .addHelpText(
      'after',
      examples([
        'vigil capacity browse',
        'vigil capacity capacity --from 1 --vary DATABASE_POOL=2,5,10,20',
        'vigil capacity browse --prometheus http://127.0.0.1:9090',
      ]),
    )
    .action(async (suite: string | undefined, options: CapacityOptions) => {
      const { capacity } = await import('./commands/capacity/run.ts')
      ended(await capacity(suite, options, world))
    })
}

function reportCommand(program: Command, world: World, ended: ReportExitCode): void {
  withCommonOptions(program.command('report [run]'))
    .description(
      'Write the reports of a run again from its record: the newest run, or one by id, folder or record file.',
    )
    .addHelpText(
      'after',
      examples([
        'vigil report',
        'vigil report .vigil/runs/20260102-030405-006-browse-a1b2',
        'vigil report --json',
      ]),
    )
    .action(async (run: string | undefined, options: CommonOptions) => {
      const { report } = await import('./commands/report/run.ts')
      ended(await report(run, options, world))
    })
}

function doctorCommand(program: Command, world: World, ended: ReportExitCode): void {
  program
    .command('doctor')
    .description(
      'Is this machine fit to measure: tools and versions, limits; with --noise the smallest change that a gate here can see.',
    )
    .option('--noise', 'load the same code twice, in duets, and keep what it differs by (minutes)')
    .option('--suite <names...>', 'noise: of these suites instead of the first at a rate')
    .option(
      '--seconds <count>',
      'noise: measure so long on each pair of processes',
      positiveNumber('seconds', 3600),
      60,
    )
    .option(
      '--process-pairs <count>',
      'noise: so many fresh pairs of processes',
      positiveInteger('pairs', 50),
      3,
    )
    .addOption(
      new Option(
        '--target <url>',
        'noise: load this service, as both sides, instead of starting two',
      ).argParser(httpUrl),
    )
    .option('--config <file>', 'noise: the config to read', 'vigil.config.ts')
    .option('--quiet', 'noise: no progress')
    .option('--out <dir>', 'where runs and reports are kept', '.vigil')
    .option('--json', 'exactly one JSON document on stdout')
    .addHelpText(
      'after',
      examples([
        'vigil doctor',
        'vigil doctor --json',
        'vigil doctor --noise',
        'vigil doctor --noise --suite browse --seconds 120',
      ]),
    )
    .action(async (options: DoctorOptions) => {
      const { doctor } = await import('./commands/doctor/run.ts')
      ended(await doctor(options, world))
    })
}

function upCommand(program: Command, world: World, ended: ReportExitCode): void {
  program
    .command('up')
    .description(
      'The whole stack locally, without containers: the service, PostgreSQL, Prometheus, Alertmanager, Pushgateway, exporters, probes, and who would be notified.',
    )
    .option('--config <file>', 'the config to read', 'vigil.config.ts')
    .option('--out <dir>', 'where data and logs are kept, in stack/', '.vigil')
    .option('--monitoring <dir>', 'what production loads (default: monitoring/ beside the config)')
    .option(
      '--port <name=port>',
      'the port of one part; without, the usual one when it is free',
      (text: string, before?: string[]) => [...(before ?? []), text],
    )
    .option('--free-ports', 'any ports that are free, instead of the usual ones')
    .option(
      '--interval <seconds>',
      'scrape and evaluate rules so often instead of as production does',
      positiveInteger('seconds', 3600),
    )
    .option('--detach', 'leave it running, until vigil down')
    .option('--quiet', 'no progress and no messages but errors')
    .option('--json', 'exactly one JSON document on stdout, once it is up')
    .addHelpText(
      'after',
      examples([
        'vigil up',
        'vigil up --port prometheus=19090',
        'vigil up --detach && PUSHGATEWAY_URL=http://127.0.0.1:9091 vigil load --target http://127.0.0.1:8000',
        'vigil up --json --free-ports',
      ]),
    )
    .action(async (options: UpOptions) => {
      const { up } = await import('./commands/up/run.ts')
      ended(await up(options, world))
    })
}

function downCommand(program: Command, world: World, ended: ReportExitCode): void {
  program
    .command('down')
    .description('End the stack that vigil up has started.')
    .option('--out <dir>', 'where vigil up kept its data', '.vigil')
    .option('--json', 'exactly one JSON document on stdout')
    .addHelpText('after', examples(['vigil down', 'vigil down --json']))
    .action(async (options: Pick<CommonOptions, 'out' | 'json'>) => {
      const { down } = await import('./commands/down/run.ts')
      ended(await down(options, world))
    })
}

function drillCommand(program: Command, world: World, ended: ReportExitCode): void {
  program
    .command('drill [alerts...]')
    .description(
      'Alert drills: each fault is made for real and its alert followed through rules, Alertmanager and receivers until the right ones have it and know that it is over. Names are alerts or requirements (C1).',
    )
    .option('--config <file>', 'the config to read', 'vigil.config.ts')
    .option('--out <dir>', 'where results are kept', '.vigil')
    .option(
      '--monitoring <dir>',
      "the folder of production's monitoring (default: monitoring/ beside the config)",
    )
    .option(
      '--speed <times>',
      "how much faster than production's the drills' clock runs",
      positiveNumber('times', 120),
      60,
    )
    .option('--prometheus <url>', 'drill a deployment instead: its Prometheus', toolUrl)
    .option(
      '--alertmanager <url>',
      'and its Alertmanager; a marked alert goes through both, silenced for people',
      toolUrl,
    )
    .addOption(
      new Option('--severity <severity>', 'of the marked alert')
        .choices(['critical', 'high', 'medium', 'low'])
        .default('critical'),
    )
    .option('--loud', 'people are told of the marked alert')
    .option(
      '--ack-port <port>',
      'wait until it is acknowledged at this port of this machine (with --loud)',
      positiveInteger('a port', 65_535),
    )
    .addOption(
      new Option(
        '--ack-poll <url>',
        "wait until a receiver's API names the drill; its Authorization header in VIGIL_ACK_TOKEN (with --loud)",
      )
        .argParser(toolUrl)
        .conflicts('ackPort'),
    )
    .option(
      '--wait <seconds>',
      'how long each step of a deployment may take',
      positiveNumber('seconds', 3600),
      60,
    )
    .option('--quiet', 'no progress and no messages but errors')
    .option('--json', 'exactly one JSON document on stdout')
    .addHelpText(
      'after',
      examples([
        'vigil drill',
        'vigil drill APIHighErrorRate H1',
        'vigil drill --json > drills.json',
        'vigil drill --prometheus http://prometheus:9090 --alertmanager http://alertmanager:9093',
        'vigil drill --prometheus http://prometheus:9090 --alertmanager http://alertmanager:9093 --loud --severity low --ack-port 9465',
      ]),
    )
    .action(async (names: string[], options: DrillOptions) => {
      const { drill } = await import('./commands/drill/run.ts')
      ended(await drill(names, options, world))
    })
}

function examples(lines: readonly string[]): string {
  return `\nExamples:\n${lines.map((line) => `  ${line}`).join('\n')}`
}
