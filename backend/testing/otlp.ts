import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { eventually } from './process.ts'

const program = fileURLToPath(new URL('otlp-receiver.ts', import.meta.url))

const value = z.object({
  stringValue: z.string().optional(),
  boolValue: z.boolean().optional(),
  intValue: z.union([z.number(), z.string()]).optional(),
  doubleValue: z.number().optional(),
})
// One of these is set; JSON has several encodings of numbers.
const attributes = z
  .array(z.object({ key: z.string(), value }))
  .default([])
  .transform((pairs) => Object.fromEntries(pairs.map((pair) => [pair.key, toPlainValue(pair.value)])))
const numeric = z.union([z.number(), z.string()]).transform(Number)
const id = z.string().default('')

const span = z.object({
  traceId: id,
  spanId: id,
  parentSpanId: id,
  traceState: z.string().default(''),
  name: z.string(),
  kind: z.number(),
  startTimeUnixNano: numeric,
  endTimeUnixNano: numeric,
  attributes,
  events: z.array(z.unknown()).default([]),
  links: z.array(z.object({ traceId: id, spanId: id })).default([]),
  status: z
    .object({ code: z.number().default(0), message: z.string().default('') })
    .default({ code: 0, message: '' }),
})
const traces = z.object({
  resourceSpans: z.array(
    z.object({ resource: z.object({ attributes }), scopeSpans: z.array(z.object({ spans: z.array(span) })) }),
  ),
})

const numbers = z.object({
  dataPoints: z.array(z.object({ attributes, asDouble: z.number().default(0) })).default([]),
  isMonotonic: z.boolean().optional(),
})
const histograms = z.object({
  dataPoints: z.array(
    z.object({
      attributes,
      count: numeric,
      sum: z.number(),
      bucketCounts: z.array(numeric),
      explicitBounds: z.array(z.number()),
    }),
  ),
})
const metric = z.object({
  name: z.string(),
  unit: z.string().default(''),
  gauge: numbers.optional(),
  sum: numbers.optional(),
  histogram: histograms.optional(),
})
const metrics = z.object({
  resourceMetrics: z.array(
    z.object({
      resource: z.object({ attributes }),
      scopeMetrics: z.array(z.object({ metrics: z.array(metric) })),
    }),
  ),
})
const everything = z.object({
  attempts: z.number(),
  received: z.array(
    z.object({
      path: z.string(),
      contentType: z.string(),
      headers: z.record(z.string(), z.unknown()),
      request: z.unknown(),
    }),
  ),
})

/** The numbers of span kinds in OTLP. */
export const spanKinds = { server: 2, client: 3, consumer: 5 } as const
export const errorStatus = 2

export type ReceivedSpan = z.infer<typeof span> & { resource: Record<string, unknown> }
export type ReceivedMetric = z.infer<typeof metric>

/** An OTLP receiver in its own process. */
export class OtlpReceiver {
  readonly endpoint: string
  readonly #child: ChildProcess

  private constructor(child: ChildProcess, port: number) {
    this.#child = child
    this.endpoint = `http://127.0.0.1:${port}`
  }

  static async start(): Promise<OtlpReceiver> {
    const child = spawn(process.execPath, [program], { stdio: ['ignore', 'pipe', 'inherit'] })
    const [line] = (await once(child.stdout, 'data')) as [Buffer]
    return new OtlpReceiver(child, z.object({ port: z.number() }).parse(JSON.parse(line.toString())).port)
  }

  async behave(how: 'good' | 'failing' | 'silent' | 'dripping' | 'garbage'): Promise<void> {
    await fetch(`${this.endpoint}/behaviour`, { method: 'PUT', body: how })
  }

  /** What has arrived, and the number of attempts, including failed ones. */
  async received(): Promise<z.infer<typeof everything>> {
    return everything.parse(await (await fetch(`${this.endpoint}/received`)).json())
  }

  async forget(): Promise<void> {
    await fetch(`${this.endpoint}/received`, { method: 'DELETE' })
  }

  async spans(): Promise<ReceivedSpan[]> {
    const { received } = await this.received()
    const requests = received
      .filter(({ path }) => path === '/v1/traces')
      .flatMap(({ request }) => traces.parse(request).resourceSpans)
    return requests.flatMap(({ resource, scopeSpans }) =>
      scopeSpans.flatMap(({ spans }) => spans.map((one) => ({ ...one, resource: resource.attributes }))),
    )
  }

  /** Waits for the spans of a trace until `isComplete` is true. */
  async trace(
    traceId: string,
    isComplete: (spans: readonly ReceivedSpan[]) => boolean,
  ): Promise<ReceivedSpan[]> {
    let found: ReceivedSpan[] = []
    await eventually(`the spans of ${traceId} arrived`, 15_000, async () => {
      found = (await this.spans()).filter((one) => one.traceId === traceId)
      return isComplete(found)
    })
    return found
  }

  /** Returns the metrics of the latest export. */
  async metrics(): Promise<ReceivedMetric[]> {
    const { received } = await this.received()
    const latest = received.findLast(({ path }) => path === '/v1/metrics')
    return latest === undefined
      ? []
      : metrics
          .parse(latest.request)
          .resourceMetrics.flatMap(({ scopeMetrics }) => scopeMetrics.flatMap((one) => one.metrics))
  }

  /** Kills it, like a crash. */
  async end(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    this.#child.kill('SIGKILL')
    await once(this.#child, 'exit')
  }
}

function toPlainValue({
  stringValue,
  boolValue,
  intValue,
  doubleValue,
}: z.infer<typeof value>): string | number | boolean | undefined {
  return stringValue ?? boolValue ?? (intValue === undefined ? doubleValue : Number(intValue))
}
