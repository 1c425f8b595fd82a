import { InvalidArgumentError, Option } from 'commander'
import type { Command } from 'commander'
import type { GateMode } from '../../../config/index.ts'
import type { ExactRules } from '../../../baselines/exact/index.ts'
import {
  baseTipOption,
  configOption,
  duetDefaults,
  examplesText,
  jsonOption,
  marginOption,
  maxMinutesOption,
  modeOption,
  outOption,
  positiveInteger,
  positiveNumber,
  quietOption,
  strictOption,
} from '../../shared/options.ts'
import type { CommonOptions } from '../../shared/options.ts'

export interface AbOptions extends Omit<CommonOptions, 'target'> {
  suite?: string[]
  /** Journeys per second on each side. */
  rate?: number
  pairs: number
  maxMinutes: number
  /** Accepted slowdown, in per cent. */
  margin?: number
  strict?: boolean
  /** Compare a second copy of the baseline, too. */
  control?: boolean
  exact?: ExactRules
  /** A good revision and a bad one. */
  bisect?: string[]
  baseTip?: boolean
  mode?: GateMode
  targetBase?: string
  targetCandidate?: string
}

const environmentText = [
  'Install scripts and servers of revisions get usual variables such as PATH and',
  'HOME, and target.env. Pass anything else that they need in target.env.',
].join('\n')

export function addAbCommand(
  program: Command,
  run: (base: string | undefined, candidate: string | undefined, options: AbOptions) => Promise<void>,
): void {
  const command = program
    .command('ab [base] [candidate]')
    .description(
      'A duet: runs two git revisions (default candidate: the work tree), or two URLs, at the same time ' +
        'under the same load. Measures until the result is statistically certain, then reports what is ' +
        'slower, where and why.',
    )
    .addOption(configOption())
  addMeasurementOptions(command)
  command
    .addOption(baseTipOption())
    .addOption(modeOption())
    .option('--target-base <url>', 'the baseline runs at this URL')
    .option('--target-candidate <url>', 'the candidate runs at this URL')
    .addOption(
      new Option(
        '--bisect <revision...>',
        'find the commit that caused a slowdown between a good and a bad revision',
      ).conflicts(['control', 'baseTip', 'targetBase', 'targetCandidate']),
    )
    .addOption(outOption())
    .addOption(quietOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `\n${environmentText}\n` +
        examplesText([
          'vigil ab origin/main',
          'vigil ab v1.4.0 v1.5.0 --suite browse',
          'vigil ab https://blue.example.org https://green.example.org',
          'vigil ab --bisect v1.4.0 HEAD',
          'vigil ab origin/main --json > verdict.json',
        ]),
    )
    .action(async (base: string | undefined, candidate: string | undefined, options: AbOptions) =>
      run(base, candidate, options),
    )
}

/** How much is measured, and how it is judged. */
function addMeasurementOptions(command: Command): void {
  command
    .option('--suite <suite...>', 'load with these suites (default: the first that has a rate)')
    .option(
      '--rate <perSecond>',
      'journeys started per second on each side',
      positiveNumber('journeys per second', 10_000),
    )
    .option(
      '--pairs <count>',
      '2.5 s measurement pairs before giving up (doubles if time allows)',
      positiveInteger('pairs', 1000),
      duetDefaults.pairs,
    )
    .addOption(maxMinutesOption('stop undecided after this many minutes'))
    .addOption(marginOption())
    .addOption(strictOption())
    .option(
      '--control',
      'also compare a second copy of the baseline with the baseline (adds about 40 s); ' +
        'the verdict is invalid if it fails',
    )
    .addOption(
      new Option(
        '--exact <rule...>',
        'how statements, rows and bytes may change: statements=equal, =at-most (the default), ' +
          '=ratchet (see vigil baseline ratchet) or =off',
      ).argParser(exactRules),
    )
}

const ruleKinds = ['equal', 'at-most', 'ratchet', 'off'] as const

/** Adds one rule, such as `statements=equal`, to those given before it. */
function exactRules(text: string, before: ExactRules = {}): ExactRules {
  const [metric = '', kindName = ''] = text.split('=')
  const kind = ruleKinds.find((known) => known === kindName)
  if ((metric !== 'statements' && metric !== 'rows' && metric !== 'bytes') || kind === undefined)
    throw new InvalidArgumentError(
      `found ${JSON.stringify(text)}, expected statements, rows or bytes, ` +
        'followed by =equal, =at-most, =ratchet or =off.',
    )
  return { ...before, [metric]: { kind: kind === 'at-most' ? 'at most' : kind } }
}
