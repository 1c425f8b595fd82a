import type { Command } from 'commander'
import {
  configOption,
  examplesText,
  jsonOption,
  outOption,
  positiveInteger,
  positiveNumber,
  quietOption,
  targetOption,
} from '../../shared/options.ts'
import type { CommonOptions } from '../../shared/options.ts'

export interface DoctorOptions extends CommonOptions {
  /** Measure how much the same code differs from itself on this machine. */
  noise?: boolean
  suite?: string[]
  /** Measured on each pair of processes. */
  seconds: number
  processPairs: number
}

export function addDoctorCommand(program: Command, run: (options: DoctorOptions) => Promise<void>): void {
  program
    .command('doctor')
    .description(
      'Checks whether this machine can measure: tools, versions and limits. ' +
        'With --noise, measures the smallest change that a gate can detect here.',
    )
    .option('--noise', 'load the same code twice, in duets, and keep the difference (takes minutes)')
    .option('--suite <names...>', 'with --noise: suites to load (default: the first that has a rate)')
    .option(
      '--seconds <count>',
      'with --noise: seconds to measure on each pair of processes',
      positiveNumber('seconds', 3600),
      60,
    )
    .option(
      '--process-pairs <count>',
      'with --noise: number of newly started pairs of processes',
      positiveInteger('pairs', 50),
      3,
    )
    .addOption(targetOption('with --noise: load this service, as both sides, instead of starting two'))
    .addOption(configOption('with --noise: config file to read'))
    .addOption(quietOption('with --noise: print no progress'))
    .addOption(outOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      examplesText([
        'vigil doctor',
        'vigil doctor --json',
        'vigil doctor --noise',
        'vigil doctor --noise --suite browse --seconds 120',
      ]),
    )
    .action(async (options: DoctorOptions) => run(options))
}
