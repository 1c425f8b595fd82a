import type { Command } from 'commander'
import { examplesText, jsonOption, marginOption, outOption, strictOption } from '../../shared/options.ts'
import type { CommonOptions } from '../../shared/options.ts'

export interface CompareOptions extends Pick<CommonOptions, 'out' | 'json'> {
  baseline?: string[]
  candidate?: string[]
  /** The two halves of a duet's baseline. */
  control?: string[]
  /** A file with one case per line; `-` for standard input. */
  batch?: string
  strict?: boolean
  /** Accepted slowdown, in per cent. */
  margin?: number
}

export function addCompareCommand(program: Command, run: (options: CompareOptions) => Promise<void>): void {
  program
    .command('compare')
    .description(
      'Compares records made earlier: is the candidate slower than the baseline? ' +
        'With equal counts, records are paired in order.',
    )
    .option('--baseline <file...>', 'records to compare with: files, run folders or ids')
    .option('--candidate <file...>', 'records to judge: files, run folders or ids')
    .option(
      '--control <file...>',
      "the two files of a duet's control: if they differ, the verdict is invalid",
    )
    .option(
      '--batch <file>',
      'file with one case per line, or - for standard input; prints one verdict per line, with its id',
    )
    .addOption(strictOption())
    .addOption(marginOption())
    .addOption(outOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      examplesText([
        'vigil compare --baseline main/*.json --candidate branch/*.json',
        'vigil compare --baseline a.jsonl --candidate b.jsonl --json',
        'vigil compare --batch cases.jsonl > verdicts.jsonl',
      ]),
    )
    .action(async (options: CompareOptions) => run(options))
}
