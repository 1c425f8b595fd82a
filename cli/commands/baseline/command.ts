import { Argument } from 'commander'
import type { Command } from 'commander'
import { addCommonOptions, examplesText, positiveNumber } from '../../shared/options.ts'
import type { CommonOptions } from '../../shared/options.ts'

export type BaselineAction = 'accept' | 'show' | 'list' | 'waive' | 'ratchet'

export interface BaselineOptions extends CommonOptions {
  anchor?: boolean
  reason?: string
  owner?: string
  /** A day, such as 2026-12-31. */
  until?: string
  /** Per cent. */
  loss?: number
}

export function addBaselineCommand(
  program: Command,
  run: (action: BaselineAction, names: string[], options: BaselineOptions) => Promise<void>,
): void {
  addCommonOptions(
    program
      .command('baseline')
      .addArgument(
        new Argument(
          '<action>',
          'accept runs, show or list what was accepted, waive a loss until a day, ' +
            'ratchet the counts of a duet that passed',
        ).choices(['accept', 'show', 'list', 'waive', 'ratchet']),
      )
      .argument(
        '[names...]',
        'accept: ids or folders of runs or gates, record files; show: suites; ' +
          'waive: a suite, a metric and optionally a step; ratchet: ids or folders of duets',
      ),
  )
    .description(
      'Manages the runs that later runs are compared with: accepted runs by suite and environment, ' +
        'committed next to the config.',
    )
    .option('--anchor', 'with accept: measure slow drift from these runs on (requires --reason)')
    .option('--loss <percent>', 'with waive: largest loss to accept', positiveNumber('per cent', 1000))
    .option('--reason <text>', 'why')
    .option('--owner <name>', 'with waive: who is responsible for it')
    .option('--until <day>', 'with waive: last day on which it is valid, such as 2026-12-31')
    .addHelpText(
      'after',
      examplesText([
        'vigil baseline accept 20260102-030405-006-browse-a1b2',
        'vigil baseline accept .vigil/runs/*-browse-*',
        'vigil baseline list',
        'vigil baseline show browse',
        'vigil baseline waive browse p95Ms --loss 15 --owner ana \\',
        "  --until 2026-12-31 --reason 'argon2 costs more now'",
        'vigil baseline ratchet .vigil/duets/20260102-030405-006-ab-browse-duet-a1b2',
      ]),
    )
    .action(async (action: BaselineAction, names: string[], options: BaselineOptions) =>
      run(action, names, options),
    )
}
