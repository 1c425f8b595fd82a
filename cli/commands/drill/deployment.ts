import { runDeploymentDrill } from '../../../monitoring/drills/index.ts'
import type { DeploymentResult } from '../../../monitoring/drills/index.ts'
import { exitCodes } from '../../exit-codes.ts'
import { printJson, UsageError } from '../../shared/world.ts'
import type { Session } from '../../shared/session.ts'
import type { DrillOptions } from './command.ts'
import { formatFamilies } from '../../../reports/prometheus/index.ts'
import type { Family } from '../../../reports/prometheus/index.ts'
import { pushMetrics } from '../../../runtime/pushgateway/index.ts'

/** Sends one test alert through a deployment's own Prometheus and Alertmanager. */
export async function drillDeployment(
  session: Session,
  names: readonly string[],
  options: DrillOptions,
): Promise<number> {
  const { world, progress } = session
  const { prometheus, alertmanager } = options
  if (prometheus === undefined || alertmanager === undefined)
    throw new UsageError(
      `--${prometheus === undefined ? 'prometheus' : 'alertmanager'} is missing: a deployment is ` +
        'drilled by both',
    )
  if (names.length > 0)
    throw new UsageError(
      'a deployment drill sends a test alert, because nothing is broken there: ' +
        'expected no names with --prometheus',
    )
  const acknowledged = options.ackPort !== undefined || options.ackPoll !== undefined
  if (acknowledged && !options.loud)
    throw new UsageError('--ack-port and --ack-poll need --loud: a silenced alert is never acknowledged')
  const token = world.env['VIGIL_ACK_TOKEN']
  const result = await runDeploymentDrill({
    prometheusUrl: prometheus,
    alertmanagerUrl: alertmanager,
    severity: options.severity,
    notifyPeople: options.loud ?? false,
    ...(options.ackPort !== undefined && {
      acknowledgement: { kind: 'hook', port: options.ackPort } as const,
    }),
    ...(options.ackPoll !== undefined && {
      acknowledgement: { kind: 'poll', url: options.ackPoll, ...(token !== undefined && { token }) } as const,
    }),
    id: `${world.now().toString(36)}${Math.floor(world.random() * 36 ** 4).toString(36)}`,
    waitMs: options.wait * 1000,
    now: world.now,
    signal: world.interrupted,
    reportStep: progress.phase,
  })
  if (options.json) printJson(world, { schema: 'vigil.drill-deployment/1', ...result })
  else world.stdout(`${resultLine(result, options)}\n`)
  if (result.state === 'passed') await pushGoodDrill(session, result.seconds)
  return codeOf(result)
}

function resultLine(result: DeploymentResult, { severity, loud }: DrillOptions): string {
  if (result.state === 'lost') return `LOST at ${result.hop}: ${result.why}`
  const receivers = result.receivers.join(', ')
  if (!loud)
    return (
      `pass: an alert of severity ${severity} is routed to ${receivers}; it was silenced, so no one ` +
      `was notified (${result.seconds} s)`
    )
  const acknowledgement =
    result.acknowledgedBy === undefined
      ? ' (no acknowledgement was expected)'
      : `, acknowledged by ${result.acknowledgedBy}`
  const recipients = `${receivers}${acknowledgement}`
  return `pass: an alert of severity ${severity} went to ${recipients} (${result.seconds} s)`
}

// A Prometheus that cannot be reached or does not evaluate rules says nothing about delivery.
function codeOf(result: DeploymentResult): number {
  if (result.state === 'passed') return exitCodes.pass.code
  return result.hop === 'prometheus' || result.hop === 'evaluation'
    ? exitCodes.invalid.code
    : exitCodes.fail.code
}

/** Notes on the Pushgateway, where the config or PUSHGATEWAY_URL names one, that alerts arrive as of now. */
export async function pushGoodDrill({ loaded, world, progress }: Session, seconds: number): Promise<void> {
  const url = loaded.config.pushgateway?.url ?? world.env['PUSHGATEWAY_URL']
  if (url === undefined || url === '') return
  const families = [
    gauge(
      'vigil_drill_last_success_timestamp_seconds',
      'When alerts were last followed to their receivers and all arrived, in seconds since 1970.',
      world.now() / 1000,
    ),
    gauge('vigil_drill_duration_seconds', 'How long that took.', seconds),
  ]
  const pushed = await pushMetrics({
    url,
    text: formatFamilies(families),
    grouping: { suite: 'drill' },
    signal: world.interrupted,
  })
  if (pushed.state === 'failed') progress.warn(`the drill passed, but that was not pushed: ${pushed.reason}`)
}

function gauge(name: string, help: string, value: number): Family {
  return { name, help, type: 'gauge', samples: [{ labels: {}, value }] }
}
