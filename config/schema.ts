import { z } from 'zod'
import { parseCadence } from './cadence.ts'

const positive = z.number().positive()
const name = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, "expected 1 to 64 letters, digits, '.', '_' or '-'")
const httpUrl = z.url({ protocol: /^https?$/, error: 'expected an http:// or https:// URL' })
// A password in the target's address would end up in every record and report.
const targetUrl = httpUrl.refine(
  (text) => URL.parse(text)?.username === '' && URL.parse(text)?.password === '',
  'expected a URL without a user and password: journeys send their credentials in headers',
)
const path = z.string().startsWith('/', "expected a path that starts with '/'")

const limits = {
  p95Ms: positive.exactOptional(),
  meanMs: positive.exactOptional(),
  p99Ms: positive.exactOptional(),
  errorRate: z.number().min(0).max(1, 'expected a ratio from 0 to 1 (0.1 % is 0.001)').exactOptional(),
  requestsPerMinute: positive.exactOptional(),
  rssBytes: positive.exactOptional(),
}
// A step has no memory and no steps of its own, but the contract lets a Budgets stand there: what cannot be
// measured is refused.
const stepBudgets = z.strictObject({
  ...limits,
  rssBytes: z.never('memory belongs to the service, not to a step: move it one level up').exactOptional(),
})
const budgets = z.strictObject({ ...limits, steps: z.record(z.string(), stepBudgets).exactOptional() })

const cadence = z.string().superRefine((text, context) => {
  const read = parseCadence(text)
  if (read.state === 'wrong') context.addIssue({ code: 'custom', message: read.problem })
})

const probeOptions = {
  every: cadence.exactOptional(),
  timeoutMs: positive.max(600_000).exactOptional(),
  attempts: z.int().min(1).max(10).exactOptional(),
  degradedMs: positive.exactOptional(),
}
const probe = z.strictObject({
  journey: z.string().exactOptional(),
  spec: z.string().exactOptional(),
  ...probeOptions,
})

const load = z.strictObject({
  ratePerSecond: positive.max(100_000).exactOptional(),
  connections: z.int().positive().max(10_000).exactOptional(),
})
const day = 86_400
const suite = z.strictObject({
  journeys: z.record(z.string(), positive).exactOptional(),
  script: z.string().min(1).exactOptional(),
  engine: z.enum(['k6', 'autocannon']),
  load,
  warmupSeconds: z.number().nonnegative().max(day).exactOptional(),
  durationSeconds: positive.max(day),
  budgets: budgets.exactOptional(),
})

/**
 * The shape; what fits together (a suite's engine and load, names that must exist) is checked in
 * `references.ts`.
 */
export const configSchema = z.strictObject({
  target: z.strictObject({
    url: targetUrl,
    command: z.array(z.string().min(1)).min(1).exactOptional(),
    env: z.record(z.string(), z.string()).exactOptional(),
    ready: path.exactOptional(),
    metrics: path.exactOptional(),
    database: z.literal('postgres').exactOptional(),
    revision: z.string().min(1).max(200).exactOptional(),
  }),
  journeys: z.string().min(1),
  probes: z.record(name, probe).exactOptional(),
  suites: z.record(name, suite),
  budgets: budgets.exactOptional(),
  gate: z
    .strictObject({
      probes: z.array(z.string()).exactOptional(),
      suites: z
        .array(z.string())
        .min(1, 'expected at least one suite: a gate that loads nothing promises nothing'),
    })
    .exactOptional(),
  pushgateway: z.strictObject({ url: httpUrl, require: z.boolean().exactOptional() }).exactOptional(),
  forecasts: z
    .record(
      name,
      z.strictObject({
        query: z.string().min(1).max(4000),
        limit: z.union([z.literal('capacity'), positive], "expected a number over 0, or 'capacity'"),
        unit: z.enum(['bytes', 'per second']).exactOptional(),
      }),
    )
    .exactOptional(),
  history: z
    .strictObject({ url: z.string().regex(/^postgres(ql)?:\/\//, 'expected a postgres:// URL') })
    .exactOptional(),
})
