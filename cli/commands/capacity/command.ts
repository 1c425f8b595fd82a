import { InvalidArgumentError } from 'commander'
import type { Command } from 'commander'
import {
  addCommonOptions,
  engineOption,
  examplesText,
  positiveInteger,
  positiveNumber,
  toolUrl,
} from '../../shared/options.ts'
import type { CommonOptions } from '../../shared/options.ts'

/** A variable of the service's environment and the values to try, in the order given. */
export interface Variation {
  variable: string
  values: readonly string[]
}

export interface CapacityOptions extends CommonOptions {
  engine?: 'k6' | 'autocannon'
  /** Journeys per second or connections, as `most` is. */
  from?: number
  most?: number
  stepSeconds: number
  vary?: Variation
  rounds: number
  prometheus?: string
  days: number
}

export function addCapacityCommand(
  program: Command,
  run: (suite: string | undefined, options: CapacityOptions) => Promise<void>,
): void {
  addCommonOptions(program.command('capacity [suite]'))
    .description(
      'Finds how much load the service handles: raises the load until a budget breaks, ' +
        'and reports what saturates first and when growth will reach that load.',
    )
    .addOption(engineOption())
    .option(
      '--from <load>',
      "first load to try (journeys per second or connections) instead of the suite's",
      positiveNumber('a load', 100_000),
    )
    .option('--most <load>', 'highest load to try', positiveNumber('a load', 100_000))
    .option(
      '--step-seconds <seconds>',
      'measure each load for this many seconds',
      positiveNumber('seconds', 3600),
      10,
    )
    .option(
      '--vary <variable=values>',
      'start the service with each value of a variable, under the same load: DATABASE_POOL=2,5,10',
      variation,
    )
    .option('--rounds <count>', 'rounds per value', positiveInteger('rounds', 50), 3)
    .option('--prometheus <url>', "read the growth of the config's forecasts from this Prometheus", toolUrl)
    .option('--days <count>', 'days of growth to read for forecasts', positiveNumber('days', 400), 60)
    .addHelpText(
      'after',
      examplesText([
        'vigil capacity browse',
        'vigil capacity capacity --from 1 --vary DATABASE_POOL=2,5,10,20',
        'vigil capacity browse --prometheus http://127.0.0.1:9090',
      ]),
    )
    .action(async (suite: string | undefined, options: CapacityOptions) => run(suite, options))
}

/** Parses a variable of the environment and two or more values: `DATABASE_POOL=2,5,10`. */
function variation(text: string): Variation {
  const [, variable, list] = /^([A-Za-z_][A-Za-z0-9_]*)=(.+)$/.exec(text) ?? []
  const values = (list ?? '').split(',').filter((value) => value !== '')
  if (variable !== undefined && values.length >= 2 && new Set(values).size === values.length)
    return { variable, values }
  throw new InvalidArgumentError(
    `found ${JSON.stringify(text)}, expected a variable and two or more values, ` +
      'smallest first: DATABASE_POOL=2,5,10.',
  )
}
