import { z } from 'zod'
import { jsonOf } from '../../../../record/documents/index.ts'
import { maxScriptEntries, toOneLine } from '../../../../record/index.ts'
import type { ScriptCheck, ScriptMetric } from '../../../../record/index.ts'
import type { Sample } from './samples.ts'
import { ScriptValues } from './values.ts'

/** Metrics that k6 makes itself: requests, checks and iterations are read as such, the others are not. */
const builtIn = new Set(
  (
    'vus vus_max iterations iteration_duration dropped_iterations checks data_sent data_received ' +
    'group_duration http_reqs http_req_duration http_req_blocked http_req_connecting ' +
    'http_req_tls_handshaking http_req_sending http_req_waiting http_req_receiving http_req_failed ' +
    'ws_sessions ws_msgs_sent ws_msgs_received ws_ping ws_session_duration ws_connecting ' +
    'grpc_req_duration grpc_streams grpc_streams_msgs_sent grpc_streams_msgs_received'
  ).split(' '),
)

const definition = z.object({
  data: z.object({
    name: z.string().regex(/^[A-Za-z_]\w{0,127}$/),
    type: z.enum(['trend', 'counter', 'gauge', 'rate']),
    contains: z.string().catch(''),
    thresholds: z.array(z.unknown()).catch([]),
  }),
})
type Definition = z.infer<typeof definition>['data']

const pointPattern = /^\{"metric":"(\w{1,128})","type":"Point".*?"value":(-?[\d.]+(?:e[+-]?\d+)?)[,}]/i
const otherChecks = 'other checks'

/** What a script counts itself, in memory that does not grow with its samples. */
export interface OwnMetrics {
  /** A line of k6's output that is no sample of its own metrics. Returns whether it was one of these. */
  read: (line: string) => boolean
  addCheck: (sample: Sample) => void
  /** @param durationMs of the load, for rates of counters */
  results: (durationMs: number) => {
    scriptMetrics: Record<string, ScriptMetric>
    checks: Record<string, ScriptCheck>
    /** What is not in them, for the reader. */
    notes: string[]
  }
}

export function collectOwnMetrics(): OwnMetrics {
  const metrics = new Map<string, { definition: Definition; values: ScriptValues }>()
  const checks = new Map<string, ScriptCheck>()
  let leftOut = 0
  const define = (line: string): void => {
    const json = jsonOf(line)
    const found = json.state === 'ok' ? definition.safeParse(json.value) : undefined
    if (found?.success !== true || builtIn.has(found.data.data.name)) return
    const { data } = found.data
    if (metrics.has(data.name)) return
    if (metrics.size >= maxScriptEntries) leftOut += 1
    else metrics.set(data.name, { definition: data, values: new ScriptValues(data.type === 'trend') })
  }
  return {
    read: (line) => {
      if (line.startsWith('{"type":"Metric"')) {
        define(line)
        return true
      }
      if (!line.startsWith('{"metric":"')) return false
      const [, name = '', value] = pointPattern.exec(line) ?? []
      if (value !== undefined) metrics.get(name)?.values.add(Number(value))
      return true
    },
    addCheck: ({ tags, value }) => {
      const name = toOneLine(tags['check'] ?? '', 200) || 'unnamed'
      const key = checks.has(name) || checks.size < maxScriptEntries ? name : otherChecks
      const counts = checks.get(key) ?? { passes: 0, fails: 0 }
      if (value === 0) counts.fails += 1
      else counts.passes += 1
      checks.set(key, counts)
    },
    results: (durationMs) => ({
      scriptMetrics: Object.fromEntries(
        [...metrics].map(([name, metric]) => [
          name,
          toMetric(metric.definition, metric.values, durationMs / 1000),
        ]),
      ),
      checks: Object.fromEntries(checks),
      notes: [
        ...(leftOut === 0
          ? []
          : [`${leftOut} more metrics of the script are not in the record (at most ${maxScriptEntries})`]),
        ...(checks.has(otherChecks)
          ? [`the record names ${maxScriptEntries} checks of the script; "${otherChecks}" are the rest`]
          : []),
      ],
    }),
  }
}

function toUnit(contains: string): Pick<ScriptMetric, 'unit'> {
  if (contains === 'time') return { unit: 'ms' }
  return contains === 'data' ? { unit: 'bytes' } : {}
}

function toMetric(
  { type, contains, thresholds }: Definition,
  values: ScriptValues,
  seconds: number,
): ScriptMetric {
  const better = findBetter(thresholds, type === 'trend' && contains === 'time')
  const common = {
    type,
    ...toUnit(contains),
    samples: values.count,
    ...(better && { better }),
  }
  if (values.count === 0) return { ...common, value: 0 }
  switch (type) {
    case 'trend':
      return { ...common, value: values.sum / values.count, ...values.spread(), ...values.percentiles() }
    case 'gauge':
      return { ...common, value: values.last, ...values.spread() }
    case 'rate':
      return { ...common, value: values.nonZero / values.count }
    case 'counter':
      return { ...common, value: values.sum, ...(seconds > 0 && { perSecond: values.sum / seconds }) }
  }
}

/** By the script's own thresholds: all of them limit the metric in one direction. A time is better short. */
function findBetter(thresholds: readonly unknown[], isTime: boolean): ScriptMetric['better'] {
  const operators = new Set(
    thresholds.flatMap((one) => (typeof one === 'string' ? (/[<>]/.exec(one)?.[0] ?? []) : [])),
  )
  if (operators.size === 0) return isTime ? 'lower' : undefined
  if (operators.size > 1) return undefined
  return operators.has('<') ? 'lower' : 'higher'
}
