import { destinationText, isAbout } from '../observation/observation.ts'
import type { Delivery } from '../../receivers/index.ts'

/** When an alert may be heard of: from its drill's fault until that was over. */
export interface AllowedSpan {
  alerts: readonly string[]
  fromMs: number
  toMs: number
}

/**
 * Notifications of alerts that no drill had raised when they came. One about several alerts is expected when one of them
 * is: they were told together.
 *
 * @param alerts every alert there is
 * @param graceMs what is on its way when a drill ends
 */
export function findUnexpected(
  received: readonly Delivery[],
  alerts: readonly string[],
  allowed: readonly AllowedSpan[],
  graceMs: number,
): string[] {
  const lines = new Set<string>()
  for (const one of received) {
    if (one.response.state === 'invalid') continue
    const about = alerts.filter((alert) =>
      isAbout({ title: one.title, text: one.title === '' ? one.text : one.title }, alert),
    )
    const named = about.length > 0 ? about : alerts.filter((alert) => isAbout(one, alert))
    const fine = named.some((alert) =>
      allowed.some(
        (span) => span.alerts.includes(alert) && one.atMs >= span.fromMs && one.atMs <= span.toMs + graceMs,
      ),
    )
    if (!fine && one.status === 'firing')
      lines.add(
        `${named.join(', ') || JSON.stringify(one.title.slice(0, 60))} was delivered to ${destinationText(one)} although no drill had raised it: ${JSON.stringify(one.title.slice(0, 120))}`,
      )
  }
  return [...lines]
}
