import { Option } from 'commander'
import type { Command } from 'commander'
import { configOption, examplesText, jsonOption, outOption, positiveInteger } from '../../shared/options.ts'
import type { CommonOptions } from '../../shared/options.ts'

export interface HistoryOptions extends Pick<CommonOptions, 'config' | 'out' | 'json'> {
  metric?: string
  /** `journey/step` */
  step?: string
  /** A file with one series per line; `-` for standard input. */
  batch?: string
  /** Number of newest runs of each series to show. */
  runs: number
  latest?: boolean
  html?: string
  export?: string
  import?: string
  /** Days: older runs are thinned. */
  thin?: number
  by?: 'day' | 'week'
  apply?: boolean
  prune?: boolean
  keep?: number
}

export function addHistoryCommand(
  program: Command,
  run: (suite: string | undefined, options: HistoryOptions) => Promise<void>,
): void {
  program
    .command('history [suite]')
    .description('Shows runs over time, and approximately where their level changed.')
    .option('--metric <metric>', 'show only this metric')
    .option(
      '--step <journey/step>',
      'show this step instead of whole runs; metric/NAME or check/NAME is what a k6 script counts',
    )
    .option(
      '--batch <file>',
      'file with one series per line, or - for standard input; prints the change points of each on a line',
    )
    .option('--runs <count>', 'number of newest runs to show', positiveInteger('runs', 1_000_000), 1000)
    .option('--latest', 'show only the verdict of the newest run of each suite')
    .option('--html <file>', 'write a page with a chart of each series, with its changes and drifts')
    .option(
      '--export <file>',
      'write the runs to a .jsonl or .parquet, or to the .csv of one series that Apache Otava reads',
    )
    .option('--import <file>', 'take in the runs of an exported .jsonl or .parquet; a run is kept once')
    .option(
      '--thin <days>',
      'show what merging the steps of runs older than these days would do; accepted runs and those near a ' +
        'change stay',
      positiveInteger('days', 36_500),
    )
    .addOption(new Option('--by <period>', 'with --thin: merge by day or week').choices(['day', 'week']))
    .option('--apply', 'with --thin: merge them')
    .option('--prune', 'delete the folders of old runs (with --keep), except those a baseline uses')
    .option(
      '--keep <count>',
      'with --prune: number of newest runs to keep',
      positiveInteger('runs', 1_000_000),
    )
    .addOption(
      configOption(
        'config file, which may name the history database; with --prune, baselines are next to it',
      ),
    )
    .addOption(outOption())
    .addOption(jsonOption())
    .addHelpText('after', examplesText(examples))
    .action(async (suite: string | undefined, options: HistoryOptions) => run(suite, options))
}

const examples = [
  'vigil history',
  'vigil history browse --metric p95Ms',
  'vigil history browse --step home/get --metric p95Ms',
  'vigil history browse --html history.html',
  'vigil history --latest',
  'vigil history --prune --keep 500',
  'vigil history --thin 90 --by week',
  'vigil history --export runs.jsonl',
  'vigil history --batch series.jsonl > changes.jsonl',
]
