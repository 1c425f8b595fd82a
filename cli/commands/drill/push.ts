import { textOf } from '../../../reports/prometheus/index.ts'
import type { Family } from '../../../reports/prometheus/index.ts'
import { pushMetrics } from '../../../runtime/pushgateway/index.ts'
import type { Session } from '../../shared/session.ts'

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
    text: textOf(families),
    grouping: { suite: 'drill' },
    signal: world.interrupted,
  })
  if (pushed.state === 'failed') progress.warn(`the drill passed, but that was not pushed: ${pushed.reason}`)
}

function gauge(name: string, help: string, value: number): Family {
  return { name, help, type: 'gauge', samples: [{ labels: {}, value }] }
}
