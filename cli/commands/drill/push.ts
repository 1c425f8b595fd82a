import { Gauge, Registry } from 'prom-client'
import { pushRegistry } from '../../../runtime/pushgateway/index.ts'
import type { Session } from '../../shared/session.ts'

/** Tells the Pushgateway, where the config or PUSHGATEWAY_URL names one, that alerts are known to arrive as of now. */
export async function pushGoodDrill({ loaded, world, progress }: Session, seconds: number): Promise<void> {
  const url = loaded.config.pushgateway?.url ?? world.env['PUSHGATEWAY_URL']
  if (url === undefined || url === '') return
  const registry = new Registry()
  const gauge = (name: string, help: string): Gauge => new Gauge({ name, help, registers: [registry] })
  gauge(
    'vigil_drill_last_success_timestamp_seconds',
    'When alerts were last followed to their receivers and all arrived, in seconds since 1970.',
  ).set(world.now() / 1000)
  gauge('vigil_drill_duration_seconds', 'How long that took.').set(seconds)
  const pushed = await pushRegistry({
    url,
    registry,
    grouping: { suite: 'drill' },
    signal: world.interrupted,
  })
  if (pushed.state === 'failed') progress.warn(`the drill passed, but that was not pushed: ${pushed.reason}`)
}
