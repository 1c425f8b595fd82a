import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { jsonOf } from '../../../../record/documents/index.ts'
import { isScriptStat, readStat, toOneLine } from '../../../../record/index.ts'
import type { ScriptMetric } from '../../../../record/index.ts'

/** k6's own summary, as `--summary-export` writes it: values, and by threshold whether it was crossed. */
const exported = z.object({
  metrics: z.record(
    z.string(),
    z.looseObject({ thresholds: z.record(z.string(), z.boolean()).exactOptional() }),
  ),
})

const maxThresholds = 50

/**
 * The crossed thresholds of a script, each with the value that k6 judged: `threshold on orders: count>10,
 * found 8`. Undefined when k6 wrote no summary that can be read; its log then names the metrics.
 */
export async function readCrossedThresholds(
  summaryFile: string,
  own: Readonly<Record<string, ScriptMetric>>,
): Promise<string[] | undefined> {
  const json = jsonOf(await readFile(summaryFile, 'utf8').catch(() => ''))
  const summary = json.state === 'ok' ? exported.safeParse(json.value) : undefined
  if (summary?.success !== true) return undefined
  const crossed = Object.entries(summary.data.metrics).flatMap(([name, { thresholds, ...values }]) =>
    Object.entries(thresholds ?? {})
      .filter(([, isCrossed]) => isCrossed)
      .map(([rule]) => describe(name, rule, values, own[name])),
  )
  return crossed.length === 0 ? undefined : crossed.slice(0, maxThresholds)
}

function describe(
  name: string,
  rule: string,
  values: Readonly<Record<string, unknown>>,
  own: ScriptMetric | undefined,
): string {
  const stat = /^\s*([a-z]+(?:\([\d.]+\))?)/.exec(rule)?.[1] ?? ''
  const exact = values[stat] ?? (stat === 'rate' ? values['value'] : undefined)
  // `summaryTrendStats` of the script decides which quantiles k6 writes.
  const found =
    typeof exact === 'number' ? exact : own && isScriptStat(stat) ? readStat(own, stat) : undefined
  const value = found === undefined ? '' : `, found ${Number(found.toPrecision(5))}`
  return toOneLine(`threshold on ${name}: ${rule}${value}`)
}
