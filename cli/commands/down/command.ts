import type { Command } from 'commander'
import { examplesText, jsonOption, outOption } from '../../shared/options.ts'
import type { CommonOptions } from '../../shared/options.ts'

export type DownOptions = Pick<CommonOptions, 'out' | 'json'>

export function addDownCommand(program: Command, run: (options: DownOptions) => Promise<void>): void {
  program
    .command('down')
    .description('Stops everything that vigil up started.')
    .addOption(outOption('folder that vigil up was given'))
    .addOption(jsonOption())
    .addHelpText('after', examplesText(['vigil down', 'vigil down --json']))
    .action(async (options: DownOptions) => run(options))
}
