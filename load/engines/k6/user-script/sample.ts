/** One sample of k6's JSON output, as far as we look at it. */
export interface Sample {
  metric: SampledMetric
  /** Wall time of the sample, in milliseconds. */
  atMs: number
  value: number
  /** Which virtual user it is of; empty when it is of none. */
  user: string
  tags: Record<string, string>
}

const sampled = [
  'http_req_duration',
  'checks',
  'dropped_iterations',
  'iteration_duration',
  'vus_max',
] as const
export type SampledMetric = (typeof sampled)[number]

/** k6 writes several samples a request, most of which nobody reads: only these are worth parsing. */
const beginnings = sampled.map((metric) => [metric, `{"metric":"${metric}","type":"Point"`] as const)

/** A line of k6's output; undefined when it is another metric, or what the script itself printed. */
export function sampleOf(line: string): Sample | undefined {
  const metric = beginnings.find(([, beginning]) => line.startsWith(beginning))?.[0]
  if (metric === undefined) return undefined
  const data = dataOf(line)
  if (!isObject(data) || typeof data['value'] !== 'number' || typeof data['time'] !== 'string')
    return undefined
  const atMs = Date.parse(data['time'])
  if (Number.isNaN(atMs)) return undefined
  return {
    metric,
    atMs,
    value: data['value'],
    user: texts(data['metadata'])['vu'] ?? '',
    tags: texts(data['tags']),
  }
}

function dataOf(line: string): unknown {
  try {
    const envelope: unknown = JSON.parse(line)
    return isObject(envelope) ? envelope['data'] : undefined
  } catch {
    return undefined
  }
}

function texts(value: unknown): Record<string, string> {
  if (!isObject(value)) return {}
  return Object.fromEntries(
    Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  )
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
