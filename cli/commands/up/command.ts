import type { Command } from 'commander'
import {
  configOption,
  examplesText,
  jsonOption,
  outOption,
  positiveInteger,
  quietOption,
} from '../../shared/options.ts'
import type { CommonOptions } from '../../shared/options.ts'

export interface UpOptions extends Omit<CommonOptions, 'target'> {
  monitoring?: string
  /** `prometheus=19090`, as given. */
  port?: string[]
  freePorts?: boolean
  /** Seconds. */
  interval?: number
  detach?: boolean
}

export function addUpCommand(program: Command, run: (options: UpOptions) => Promise<void>): void {
  program
    .command('up')
    .description(
      'Starts everything locally, without containers: the service, PostgreSQL, Prometheus, Alertmanager, ' +
        'Pushgateway, exporters and probes, and shows which receivers would be notified.',
    )
    .addOption(configOption())
    .addOption(outOption('folder for data and logs, in stack/'))
    .option(
      '--monitoring <dir>',
      'configuration that production loads (default: monitoring/ next to the config, ' +
        'or what vigil init --monitoring wrote)',
    )
    .option(
      '--port <name=port>',
      'port of one part (default: its usual one if it is free)',
      (text: string, before?: string[]) => [...(before ?? []), text],
    )
    .option('--free-ports', 'use any free ports instead of the usual ones')
    .option(
      '--interval <seconds>',
      'scrape and evaluate rules at this interval instead of that of production',
      positiveInteger('seconds', 3600),
    )
    .option('--detach', 'keep it running until vigil down')
    .addOption(quietOption())
    .addOption(jsonOption('print exactly one JSON document on stdout, once everything is up'))
    .addHelpText(
      'after',
      examplesText([
        'vigil up',
        'vigil up --port prometheus=19090',
        'vigil up --detach && PUSHGATEWAY_URL=http://127.0.0.1:9091 \\',
        '  vigil load --target http://127.0.0.1:8000',
        'vigil up --json --free-ports',
      ]),
    )
    .action(async (options: UpOptions) => run(options))
}
