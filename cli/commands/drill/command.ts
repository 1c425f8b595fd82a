import { Option } from 'commander'
import type { Command } from 'commander'
import {
  configOption,
  examplesText,
  jsonOption,
  outOption,
  positiveInteger,
  positiveNumber,
  quietOption,
  toolUrl,
} from '../../shared/options.ts'
import type { CommonOptions } from '../../shared/options.ts'

export interface DrillOptions extends Omit<CommonOptions, 'target'> {
  list?: boolean
  monitoring?: string
  speed: number
  prometheus?: string
  alertmanager?: string
  severity: string
  loud?: boolean
  ackPort?: number
  ackPoll?: string
  /** Seconds. */
  wait: number
}

export function addDrillCommand(
  program: Command,
  run: (names: string[], options: DrillOptions) => Promise<void>,
): void {
  const command = program
    .command('drill [alerts...]')
    .description(
      'Alert drills: causes each fault for real and follows its alert through rules, Alertmanager and ' +
        'receivers, until the right receivers got both the alert and its resolution. ' +
        'Names are alerts or requirements (C1).',
    )
    .addOption(configOption())
    .addOption(outOption('folder that results are kept in'))
    .option('--list', 'print the drills: what each one breaks, and who must get its alert; run none')
    .option(
      '--monitoring <dir>',
      'configuration that production loads (default: monitoring/ next to the config, ' +
        'or what vigil init --monitoring wrote)',
    )
    .option(
      '--speed <times>',
      "how many times faster than production's the clock of the drills runs",
      positiveNumber('times', 120),
      60,
    )
  addDeploymentOptions(command)
    .addOption(quietOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      examplesText([
        'vigil drill',
        'vigil drill --list',
        'vigil drill APIHighErrorRate H1',
        'vigil drill --json > drills.json',
        'vigil drill --prometheus http://prom:9090 --alertmanager http://am:9093',
        'vigil drill --prometheus http://prom:9090 --alertmanager http://am:9093 \\',
        '  --loud --severity low --ack-port 9465',
      ]),
    )
    .action(async (names: string[], options: DrillOptions) => run(names, options))
}

/** The options of a drill of a deployment, which sends one marked alert. */
function addDeploymentOptions(command: Command): Command {
  return command
    .option('--prometheus <url>', 'drill a deployment instead: its Prometheus', toolUrl)
    .option(
      '--alertmanager <url>',
      "and the deployment's Alertmanager; a test alert passes through both, silenced for people",
      toolUrl,
    )
    .addOption(
      new Option('--severity <severity>', 'severity of the test alert')
        .choices(['critical', 'high', 'medium', 'low'])
        .default('critical'),
    )
    .option('--loud', 'send the test alert to real people (not silenced)')
    .option(
      '--ack-port <port>',
      'wait for its acknowledgement at this port of this machine (with --loud)',
      positiveInteger('a port', 65_535),
    )
    .addOption(
      new Option(
        '--ack-poll <url>',
        "wait until a receiver's API names the drill (with --loud); " +
          'VIGIL_ACK_TOKEN is its Authorization header',
      )
        .argParser(toolUrl)
        .conflicts('ackPort'),
    )
    .option(
      '--wait <seconds>',
      'seconds that each step of a deployment drill may take',
      positiveNumber('seconds', 3600),
      60,
    )
}
