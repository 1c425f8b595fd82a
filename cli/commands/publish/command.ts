import { InvalidArgumentError, Option } from 'commander'
import type { Command } from 'commander'
import type { CommentPolicy } from '../../../reports/ci/index.ts'
import { nameSchema } from '../../../config/index.ts'
import { configOption, examplesText, modeOption, outOption, quietOption } from '../../shared/options.ts'
import type { CommonOptions } from '../../shared/options.ts'
import type { GateMode } from '../../../config/index.ts'

export interface PublishOptions extends Omit<CommonOptions, 'target' | 'json'> {
  begin?: boolean
  exitCode?: number
  ciId: string
  comment: CommentPolicy
  mode?: GateMode
  reportUrl?: string
  /** The folder with the artefact of a fork's workflow. */
  fromFork?: string
}

export function addPublishCommand(
  program: Command,
  run: (result: string | undefined, options: PublishOptions) => Promise<void>,
): void {
  program
    .command('publish [result]')
    .description(
      'Shows a result in the pull request: a check, a comment and a summary on GitHub, a note on GitLab. ' +
        'The result is the file with the output of gate, ab or probe --json. A code host that cannot be ' +
        'reached is a warning: the exit code is 0.',
    )
    .addOption(configOption('config file of the result, to find its steps in the journeys'))
    .addOption(outOption())
    .option('--begin', 'show the check as in progress, before the measurement')
    .addOption(new Option('--exit-code <code>', 'exit code of the measuring command').argParser(exitCode))
    .addOption(
      new Option('--ci-id <name>', 'name of the check and the comment').default('vigil').argParser(ciId),
    )
    .addOption(
      new Option('--comment <when>', 'write a comment: on-change leaves a pass after a pass alone')
        .choices(['always', 'on-change', 'never'] satisfies CommentPolicy[])
        .default('on-change'),
    )
    .addOption(modeOption())
    .option('--report-url <url>', 'where the complete report is')
    .option('--from-fork <folder>', 'publish the artefact that the workflow of a fork left in this folder')
    .addOption(quietOption())
    .addHelpText(
      'after',
      examplesText([
        'vigil publish --begin',
        'vigil gate --json > result.json; vigil publish result.json --exit-code $?',
        'vigil publish --from-fork artefact',
      ]),
    )
    .action(async (result: string | undefined, options: PublishOptions) => run(result, options))
}

function exitCode(text: string): number {
  if (/^\d{1,3}$/.test(text) && Number(text) <= 255) return Number(text)
  throw new InvalidArgumentError(`found ${JSON.stringify(text)}, expected an exit code from 0 to 255.`)
}

function ciId(text: string): string {
  const parsed = nameSchema.safeParse(text)
  if (parsed.success) return parsed.data
  throw new InvalidArgumentError(
    `found ${JSON.stringify(text)}, expected 1 to 64 letters, digits, '.', '_' or '-'.`,
  )
}
