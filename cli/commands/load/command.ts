import type { Command } from 'commander'
import {
  addCommonOptions,
  durationOption,
  engineOption,
  examplesText,
  positiveInteger,
  positiveNumber,
} from '../../shared/options.ts'
import type { CommonOptions } from '../../shared/options.ts'

export interface LoadOptions extends CommonOptions {
  engine?: 'k6' | 'autocannon'
  /** Journeys started per second. */
  rate?: number
  connections?: number
  /** Seconds. */
  duration?: number
  /** Processes that make the load together. */
  shards?: number
  kubernetes?: boolean
  context?: string
  namespace?: string
  parallelism?: number
  image?: string
  requirePush?: boolean
}

export function addLoadCommand(
  program: Command,
  run: (suite: string | undefined, options: LoadOptions) => Promise<void>,
): void {
  addCommonOptions(program.command('load [suite]'))
    .description('Runs one suite: writes its run record, judges its budgets, and pushes its metrics.')
    .addOption(engineOption())
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
    .addOption(durationOption())
    .option(
      '--shards <count>',
      'divide the load between this many processes, and merge what they measure',
      positiveInteger('shards', 100),
    )
    .option(
      '--kubernetes',
      'let runners of k6-operator (1.6 or later) make the load, and merge what they measure',
    )
    .option(
      '--context <name>',
      "context of kubectl's config; with --kubernetes, the current one is never used",
    )
    .option('--namespace <name>', 'namespace of the runners')
    .option('--parallelism <count>', 'number of runners', positiveInteger('runners', 1000))
    .option('--image <image>', "image of k6 with its digest (default: the config's kubernetes.image)")
    .option('--require-push', 'exit 4 if the metrics could not be pushed')
    .addHelpText(
      'after',
      examplesText([
        'vigil load',
        'vigil load browse --rate 50 --duration 30',
        'vigil load --engine autocannon --connections 20',
        'vigil load browse --rate 20000 --shards 4',
        'vigil load --kubernetes --context lab --namespace load --parallelism 20',
        'vigil load browse --json | jq .totals.latency',
      ]),
    )
    .action(async (suite: string | undefined, options: LoadOptions) => run(suite, options))
}
