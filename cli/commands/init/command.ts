import type { Command } from 'commander'
import { examplesText, positiveNumber, quietOption, targetUrl } from '../../shared/options.ts'

export interface InitOptions {
  openapi?: string
  har?: string
  command?: string
  /** Name of the environment variable with the token that requests send. */
  token?: string
  resource?: string[]
  allowWrites?: boolean
  /** Seconds. */
  measure: number
  yes?: boolean
  gate?: boolean
  monitoring?: boolean
  quiet?: boolean
}

export function addInitCommand(
  program: Command,
  run: (url: string | undefined, options: InitOptions) => Promise<void>,
): void {
  program
    .command('init')
    .argument(
      '[url]',
      'URL of the running service (default: search the common ports of this machine)',
      targetUrl,
    )
    .description(
      'Writes vigil.config.ts, vigil/journeys.ts and a CI workflow for a service. Each step of a ' +
        'journey is sent to the service before it is written. Existing files are never overwritten.',
    )
    .option('--openapi <file>', 'OpenAPI 3 document, a file or a URL (default: search the service for one)')
    .option('--har <file>', 'recorded requests (HAR), as a browser saves them')
    .option('--command <line>', 'start the service with this command, and let the config do so')
    .option('--token <variable>', 'environment variable with the token that the requests need')
    .option('--resource <names...>', 'try only these resources (first segments of paths)')
    .option('--allow-writes', 'send POST, PUT, PATCH and DELETE to a service that is not on this machine')
    .option(
      '--measure <seconds>',
      'load the service for this long, to find budgets',
      positiveNumber('seconds', 60),
      3,
    )
    .option('--yes', 'ask nothing (needed when no terminal is there to answer)')
    .option('--gate', 'run the first gate on a service that is not on this machine, too')
    .option('--no-gate', 'do not run the first gate')
    .option('--monitoring', 'write alert rules and an Alertmanager route for the config instead')
    .addOption(quietOption())
    .addHelpText(
      'after',
      examplesText([
        'vigil init',
        'vigil init http://127.0.0.1:3000 --yes',
        "vigil init http://127.0.0.1:3000 --command 'npm start' --openapi openapi.yaml",
        'vigil init https://staging.example.org --har recorded.har --yes',
        'vigil init --monitoring',
      ]),
    )
    .action(async (url: string | undefined, options: InitOptions) => run(url, options))
}
