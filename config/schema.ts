import { z } from 'zod'
import { kubernetes } from './kubernetes.ts'
import { findTargetUrlProblem } from '../journeys/index.ts'
import { parseScriptLimit } from '../baselines/index.ts'
import { parseCadence } from './cadence.ts'

const positive = z.number().positive()
/** A name that a metric label, a file and a URL's path can hold unchanged. */
export const nameSchema = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, "expected 1 to 64 letters, digits, '.', '_' or '-'")
const httpUrl = z.url({ protocol: /^https?$/, error: 'expected an http:// or https:// URL' })
const targetUrl = httpUrl.superRefine((text, context) => {
  const message = findTargetUrlProblem(text)
  if (message !== undefined) context.addIssue({ code: 'custom', message })
})
const path = z.string().startsWith('/', "expected a path that starts with '/'")

const limits = {
  /** 95th percentile of the latency of answered requests: must stay below. */
  p95Ms: positive.exactOptional(),
  /** Mean latency: must stay below. */
  meanMs: positive.exactOptional(),
  /** 99th percentile of latency: must stay below. */
  p99Ms: positive.exactOptional(),
  /** Errors over requests, 0.001 for 0.1 %: must stay below. */
  errorRate: z.number().min(0).max(1, 'expected a ratio from 0 to 1 (0.1 % is 0.001)').exactOptional(),
  /** Answered requests per minute: at least. */
  requestsPerMinute: positive.exactOptional(),
  /** Resident memory of the service, which needs `target.metrics`: must stay below. */
  rssBytes: positive.exactOptional(),
}
// A step has no memory and no steps. The type of budgets allows them there, so the schema rejects them.
const stepBudgets = z.strictObject({
  ...limits,
  rssBytes: z
    .never('expected no memory budget for a step (memory belongs to the service: move it one level up)')
    .exactOptional(),
})

// These change what vigil's tools do, or are given by vigil itself.
const takenVariables =
  /^(?:K6_.*|LD_.*|NODE_OPTIONS|SSL_CERT_.*|GOGC|GOMEMLIMIT|GODEBUG|GOMAXPROCS|PATH|HOME|BASE_URL|TARGET_URL)$/
const secretName = z
  .string()
  .regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/, 'expected the name of an environment variable')
  .refine((found) => !takenVariables.test(found), 'expected a variable that vigil and its tools do not use')
const scriptLimit = z
  .string()
  .refine((text) => parseScriptLimit(text) !== undefined, "expected a limit such as 'p(95) < 300'")
const budgets = z.strictObject({
  ...limits,
  /** Budgets of single steps, by `journey/step`. */
  steps: z.record(z.string(), stepBudgets).exactOptional(),
  metrics: z
    .record(z.string(), z.array(scriptLimit).min(1))
    .exactOptional()
    .describe(
      'Limits on the metrics that a k6 script defines, by name, in the syntax of its thresholds: ' +
        "`['p(95) < 300', 'avg < 100']`. All must hold.",
    ),
  /** By the name of a k6 script's check: the share that must pass at least. */
  checks: z.record(z.string(), z.number().min(0).max(1)).exactOptional(),
})

const cadence = z.string().superRefine((text, context) => {
  const parsed = parseCadence(text)
  if (parsed.state === 'invalid') context.addIssue({ code: 'custom', message: parsed.problem })
})

const target = z.strictObject({
  /** URL of the service. It may have a base path, which all paths are below. */
  url: targetUrl,
  /**
   * Program and arguments: vigil starts it, waits for `ready` and stops it. `{port}` is replaced by the port
   * of `url`, or by a free one in a duet; `PORT` holds it, too.
   */
  command: z.array(z.string().min(1)).min(1).exactOptional(),
  env: z
    .record(z.string(), z.string())
    .exactOptional()
    .describe('Environment variables of the started service. `{port}` is replaced, as in `command`.'),
  /**
   * Program and arguments that install the dependencies of a revision, run once in each worktree of a duet.
   * Default: the package manager of each lock file that the service uses.
   */
  prepare: z.array(z.string().min(1)).min(1).exactOptional(),
  /** Path that answers 2xx once the service can be used. */
  ready: path.exactOptional(),
  metrics: path
    .exactOptional()
    .describe(
      'Path of its Prometheus metrics, read before, during and after a load (standard `process_*` and ' +
        '`nodejs_*` names).',
    ),
  profile: path
    .exactOptional()
    .describe(
      'Path of its CPU profile in the format of pprof, read when a duet fails by CPU time. Needed for ' +
        'services that are not Node, or that vigil does not start.',
    ),
  /** PEM file with certificates that every engine trusts in addition. */
  ca: z.string().min(1).exactOptional(),
  /** `vigil ab` gives each side a separate database on one PostgreSQL, in `DATABASE_URL`. */
  database: z.literal('postgres').exactOptional(),
  /** Revision of the service, for reports. Default: the commit of the checkout from which vigil starts it. */
  revision: z.string().min(1).max(200).exactOptional(),
})
export type TargetConfig = z.infer<typeof target>

const probe = z
  .strictObject({
    /** Name of the journey that the probe plays. */
    journey: z.string().exactOptional(),
    /** Or the path of a Playwright spec, which needs `@playwright/test`. */
    spec: z.string().exactOptional(),
    /** How often it runs on a schedule: an interval such as `30s`, or a cron expression. */
    every: cadence.exactOptional(),
    /** Time for one attempt. */
    timeoutMs: positive.max(600_000).exactOptional(),
    /** Attempts before it is down. One that needs several is degraded. */
    attempts: z.int().min(1).max(10).exactOptional(),
    /** A run that takes longer is degraded. */
    degradedMs: positive.exactOptional(),
  })
  .transform(({ journey, spec, ...options }, context) => {
    if (journey !== undefined && spec === undefined) return { journey, ...options }
    if (spec !== undefined && journey === undefined) return { spec, ...options }
    const found = journey === undefined ? 'neither' : 'both'
    context.addIssue({ code: 'custom', message: `expected either journey or spec, got ${found}` })
    return z.NEVER
  })
export type ProbeConfig = z.infer<typeof probe>

const load = z.strictObject({
  /** For k6: journeys started per second, whether or not earlier ones have ended. */
  ratePerSecond: positive.max(100_000).exactOptional(),
  /** For autocannon: connections kept busy. */
  connections: z.int().positive().max(10_000).exactOptional(),
})
/** Journeys started per second, or connections kept busy. */
type Load = { ratePerSecond: number } | { connections: number }
const daySeconds = 86_400
export const defaultWarmupSeconds = 5
const suite = z
  .strictObject({
    journeys: z
      .record(z.string(), positive)
      .exactOptional()
      .describe('Names of the journeys, with their shares of the load.'),
    /** Or the user's k6 script, run unchanged. */
    script: z.string().min(1).exactOptional(),
    env: z
      .record(secretName, z.string())
      .exactOptional()
      .describe("What the script's `__ENV` holds in addition to `BASE_URL` and the `secrets`."),
    /** `k6` measures latency at a rate, `autocannon` capacity. */
    engine: z.enum(['k6', 'autocannon']),
    load: load.describe('How often journeys start, or how many run at the same time.'),
    /** Load before the measurement, which is not recorded. Default: 5. */
    warmupSeconds: z.number().nonnegative().max(daySeconds).exactOptional(),
    /** Time that is measured. */
    durationSeconds: positive.max(daySeconds),
    /** Who is responsible for the suite. Shown where it fails. */
    owner: z.string().min(1).max(100).exactOptional(),
    /** What the suite shows, in one sentence. Shown where it fails. */
    claim: z.string().min(1).max(300).exactOptional(),
    budgets: budgets.exactOptional(),
  })
  .transform(({ load: found, ...rest }, context) => {
    const suiteLoad = toLoad(rest.engine, found)
    if (suiteLoad) return { ...rest, load: suiteLoad }
    const expected = rest.engine === 'k6' ? 'ratePerSecond' : 'connections'
    const names = Object.keys(found).join(' and ') || 'nothing'
    context.addIssue({
      code: 'custom',
      path: ['load'],
      message: `expected only ${expected}, which ${rest.engine} uses, got ${names}`,
    })
    return z.NEVER
  })
export type SuiteConfig = z.infer<typeof suite>

function toLoad(engine: 'k6' | 'autocannon', found: z.infer<typeof load>): Load | undefined {
  const { ratePerSecond, connections } = found
  if (engine === 'k6')
    return ratePerSecond !== undefined && connections === undefined ? { ratePerSecond } : undefined
  return connections !== undefined && ratePerSecond === undefined ? { connections } : undefined
}

const gateMode = z.enum(['enforce', 'advisory'])
export type GateMode = z.infer<typeof gateMode>

const forecast = z.strictObject({
  /** PromQL that returns one series. */
  query: z.string().min(1).max(4000),
  /** `capacity`: the measured requests per second at the knee. */
  limit: z.union([z.literal('capacity'), positive], "expected a positive number, or 'capacity'"),
  /** Unit of the query's value, for reports. */
  unit: z.enum(['bytes', 'per second']).exactOptional(),
})
export type ForecastConfig = z.infer<typeof forecast>

/** The shape of a config. `references.ts` checks which settings fit together and that each name exists. */
export const configSchema = z.strictObject({
  target: target.describe('The service under test.'),
  journeys: z
    .string()
    .min(1)
    .describe('Path of a module whose default export is `Journey[]`. It is a path because k6 loads it.'),
  /**
   * Names of environment variables. Journeys read their values from `ctx.secrets`, user scripts from `__ENV`.
   * No output contains a value.
   */
  secrets: z.array(secretName).exactOptional(),
  probes: z
    .record(nameSchema, probe)
    .exactOptional()
    .describe('Journeys or browser specs to run on a schedule.'),
  suites: z.record(nameSchema, suite).describe('Load plans: `vigil load <name>` runs one.'),
  /** For every suite without budgets. */
  budgets: budgets.exactOptional(),
  /** What `vigil gate` runs. Default: all probes and all suites. */
  gate: z
    .strictObject({
      probes: z
        .array(z.string())
        .exactOptional()
        .describe('Names of the probes that must be up. Default: all.'),
      suites: z
        .array(z.string())
        .min(1, 'expected at least one suite (a gate without load cannot judge performance)')
        .describe('Names of the suites to run and judge.'),
      /** `advisory`: reports everything, and ends with 0 where `enforce` ends with 1 or 3. */
      mode: gateMode.exactOptional(),
    })
    .exactOptional(),
  /** Where the metrics of runs and probes are pushed. */
  pushgateway: z
    .strictObject({
      url: httpUrl.describe('URL of the Pushgateway.'),
      /** A push that fails is exit 4. Default: only a warning. */
      require: z.boolean().exactOptional(),
      /**
       * Push runs in protobuf, with the latencies of their steps as native histograms and as classic buckets.
       * Needs Prometheus' own Pushgateway: others only take text.
       */
      nativeHistograms: z.boolean().exactOptional(),
    })
    .exactOptional(),
  /** Name of the target's environment: a label of pushed results. `VIGIL_ENVIRONMENT` replaces it. */
  environment: nameSchema.exactOptional(),
  /** Where vigil runs: a label of pushed results. `VIGIL_PLACE` replaces it. */
  place: nameSchema.exactOptional(),
  /** Growing figures and their limits: `vigil capacity --prometheus` shows when they are reached. */
  forecasts: z.record(nameSchema, forecast).exactOptional(),
  kubernetes: kubernetes.exactOptional(),
  /** A history that several machines share. Default: SQLite in the output folder. */
  history: z
    .strictObject({
      url: z
        .string()
        .regex(/^postgres(ql)?:\/\//, 'expected a postgres:// URL')
        .describe('URL of the PostgreSQL database. `VIGIL_DATABASE_URL` replaces it.'),
    })
    .exactOptional(),
})
/** The default export of `vigil.config.ts`: one plain object. Paths are relative to the file. */
export type Config = z.infer<typeof configSchema>
