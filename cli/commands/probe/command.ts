import { Option } from 'commander'
import type { Command } from 'commander'
import { addCommonOptions, examplesText, positiveInteger } from '../../shared/options.ts'
import type { CommonOptions } from '../../shared/options.ts'

export interface ProbeOptions extends CommonOptions {
  once?: boolean
  /** True: each probe by its own `every`. */
  every?: string | true
  metricsPort?: number
  metricsHost: string
}

export function addProbeCommand(
  program: Command,
  run: (names: string[], options: ProbeOptions) => Promise<void>,
): void {
  addCommonOptions(program.command('probe [names...]'))
    .description(
      'Runs all probes, or those named: once, or on a schedule until it is interrupted. ' +
        'Results are kept for vigil uptime.',
    )
    .option('--once', 'run each probe once and exit (the default)')
    .addOption(
      new Option(
        '--every [cron]',
        "run on a schedule: each probe by its own 'every', or all by this interval ('30s') " +
          'or cron expression; with --json, print one line per event',
      ).conflicts('once'),
    )
    .option(
      '--metrics-port <port>',
      'serve metrics to Prometheus on this port (with --every)',
      positiveInteger('a port', 65_535),
    )
    .option('--metrics-host <address>', 'address to serve metrics on', '127.0.0.1')
    .addHelpText(
      'after',
      examplesText([
        'vigil probe',
        'vigil probe health --target https://staging.example.org',
        'vigil probe --once --json',
        'vigil probe --every --metrics-port 9464',
        "vigil probe health --every '*/30 * * * * *'",
      ]),
    )
    .action(async (names: string[], options: ProbeOptions) => run(names, options))
}
