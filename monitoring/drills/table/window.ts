import { setTimeout as sleep } from 'node:timers/promises'
import { callApi } from '../observation/http-api.ts'
import type { DrillContext, EndFault } from './drill.ts'
import { failRequests } from './builders.ts'

const group = '/metrics/job/maintenance/window/drill'

/** Pushes a maintenance window that is on, then makes requests fail in it; withdrawn, the failures end first, then the window. */
export async function openMaintenanceWindow(scene: DrillContext): Promise<EndFault> {
  const { environment, compress, signal } = scene
  const nowSeconds = Date.now() / 1000
  await pushGauges(environment.urls.pushgateway, group, {
    maintenance_window_start_timestamp_seconds: nowSeconds - 1,
    maintenance_window_end_timestamp_seconds: nowSeconds + compress(10 * 60 * 60_000) / 1000,
  })
  const withdrawFailures = await failRequests(16)(scene)
  return async () => {
    await withdrawFailures()
    // Work in a window is over before the window is: what rules look back over is whole again by then.
    await sleep(compress(20 * 60_000), undefined, { signal }).catch(() => undefined)
    await callApi(environment.urls.pushgateway, { method: 'DELETE', path: group }, signal)
  }
}

/** Puts gauges on a Pushgateway, in place of what its group held. */
export async function pushGauges(
  url: string,
  path: string,
  values: Readonly<Record<string, number>>,
): Promise<void> {
  const body = Object.entries(values)
    .map(([name, value]) => `# TYPE ${name} gauge\n${name} ${value}\n`)
    .join('')
  const answer = await fetch(url + path, { method: 'PUT', body, signal: AbortSignal.timeout(5000) })
  if (!answer.ok)
    throw new Error(
      `the Pushgateway refused ${Object.keys(values).join(', ')}: ${answer.status} ${(await answer.text()).slice(0, 200)}`,
    )
}
