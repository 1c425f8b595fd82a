import { Option } from 'commander'
import type { Command } from 'commander'
import type { GateMode } from '../../../config/index.ts'
import {
  addCommonOptions,
  baseTipOption,
  durationOption,
  examplesText,
  maxMinutesOption,
  modeOption,
} from '../../shared/options.ts'
import type { CommonOptions } from '../../shared/options.ts'

export interface GateOptions extends CommonOptions {
  engine: 'k6' | 'autocannon' | 'both'
  /** Seconds. */
  duration?: number
  requirePush?: boolean
  allowMissingTools?: boolean
  /** The revision that the work tree is compared with in a duet. */
  base?: string
  baseTip?: boolean
  suite?: string[]
  mode?: GateMode
  /** For each duet. */
  maxMinutes?: number
}

export function addGateCommand(program: Command, run: (options: GateOptions) => Promise<void>): void {
  addCommonOptions(program.command('gate'))
    .description(
      'The main job: starts the target unless --target is given, probes it, loads it, ' +
        'judges the budgets, writes the reports and pushes the metrics.',
    )
    .addOption(
      new Option('--engine <engine>', 'run only the suites of one engine')
        .choices(['k6', 'autocannon', 'both'])
        .default('both'),
    )
    .addOption(durationOption())
    .option(
      '--base <revision>',
      'also compare the work tree with this revision in a duet ' +
        '(default: the branch that CI names as the target of the change)',
    )
    .addOption(baseTipOption())
    .option('--suite <suite...>', "run only these of the gate's suites")
    .addOption(maxMinutesOption('stop the duet undecided after this many minutes'))
    .addOption(modeOption())
    .option('--allow-missing-tools', 'skip suites whose tool is missing, instead of exit 4')
    .option('--require-push', 'exit 4 if the metrics could not be pushed')
    .addHelpText(
      'after',
      examplesText([
        'vigil gate',
        'vigil gate --target https://staging.example.org',
        'vigil gate --engine k6 --duration 60',
        'vigil gate --base origin/main',
        'vigil gate --json > verdict.json',
      ]),
    )
    .action(async (options: GateOptions) => run(options))
}
