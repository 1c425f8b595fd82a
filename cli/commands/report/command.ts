import type { Command } from 'commander'
import { addCommonOptions, examplesText } from '../../shared/options.ts'
import type { CommonOptions } from '../../shared/options.ts'

export function addReportCommand(
  program: Command,
  run: (name: string | undefined, options: CommonOptions) => Promise<void>,
): void {
  addCommonOptions(program.command('report [run]'))
    .description(
      'Writes the reports of a run again from its record: the newest run, ' +
        'or one given by id, folder or record file; or those of a gate, by its id or folder.',
    )
    .addHelpText(
      'after',
      examplesText([
        'vigil report',
        'vigil report .vigil/runs/20260102-030405-006-browse-a1b2',
        'vigil report .vigil/gates/20260102-030405-006-gate-a1b2',
        'vigil report --json',
      ]),
    )
    .action(async (name: string | undefined, options: CommonOptions) => run(name, options))
}
