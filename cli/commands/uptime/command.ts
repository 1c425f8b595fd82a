import type { Command } from 'commander'
import { configOption, examplesText, jsonOption, outOption, positiveNumber } from '../../shared/options.ts'
import type { CommonOptions } from '../../shared/options.ts'

export interface UptimeOptions extends Pick<CommonOptions, 'config' | 'out' | 'json'> {
  days: number
  /** Per cent. */
  slo: number
}

export function addUptimeCommand(
  program: Command,
  run: (names: string[], options: UptimeOptions) => Promise<void>,
): void {
  program
    .command('uptime [probes...]')
    .description(
      'Shows how long probes found their target up, degraded, down or unknown, ' +
        'the remaining error budget, incidents, and flaky steps.',
    )
    .addOption(configOption())
    .addOption(outOption('folder that results are kept in'))
    .option('--days <count>', 'days to show', positiveNumber('days', 400), 30)
    .option('--slo <percent>', 'availability objective', positiveNumber('per cent', 99.9999), 99.9)
    .addOption(jsonOption())
    .addHelpText(
      'after',
      examplesText([
        'vigil uptime',
        'vigil uptime health --days 7 --slo 99.5',
        'vigil uptime --json | jq .probes[].shares',
      ]),
    )
    .action(async (names: string[], options: UptimeOptions) => run(names, options))
}
