import { z } from 'zod'

/** Larger values would affect the machine and not only the service. */
const maxRules = 20
const maxMemoryMb = 2048
const maxTtlSeconds = 3600

const whole = (min: number, max: number, description: string) =>
  z.int().min(min).max(max).optional().meta({ description })
const flag = (description: string) => z.boolean().optional().meta({ description })
const name = (description: string, example: string) =>
  z
    .string()
    .min(1)
    .max(200)
    .optional()
    .meta({ description, examples: [example] })

const routes = 'For example `/tasks/:id` or `GET /tasks/:id`; absent: all routes except those for operations'
const shares = 'The share of affected requests or queries; absent: all'

const shape = z.strictObject({
  route: name(routes, 'GET /tasks'),
  ratio: z.number().gt(0).max(1).optional().meta({ description: shares }),
  latencyMs: whole(1, 30_000, 'Requests wait this long before they are processed'),
  status: whole(400, 599, 'Requests are answered with this status'),
  stallMs: whole(1, 2000, 'Requests block the event loop for this long'),
  dbLatencyMs: whole(1, 30_000, 'Queries wait this long, on a connection of the pool'),
  query: name('The name of a query, as in the metrics; absent: all queries', 'tasks.insert'),
  dbDown: flag('Queries fail as if the database refused connections'),
  memoryMb: whole(1, maxMemoryMb, 'MiB of memory that are allocated and kept resident'),
  authDown: flag('Tokens can be neither signed nor verified'),
  rateLimitOff: flag('Rate limits are not enforced'),
})

export type Rule = z.infer<typeof shape>

const limits = ['route', 'query', 'ratio'] as const
type Limit = (typeof limits)[number]

/** The faults, each with what can limit it to some requests or queries. The others affect all or none. */
const faults: readonly [fault: Exclude<keyof Rule, Limit>, ...limitedBy: Limit[]][] = [
  ['latencyMs', 'route', 'ratio'],
  ['status', 'route', 'ratio'],
  ['stallMs', 'route', 'ratio'],
  ['dbLatencyMs', 'query', 'ratio'],
  ['dbDown', 'query', 'ratio'],
  ['memoryMb'],
  ['authDown'],
  ['rateLimitOff'],
]
const faultNames = faults.map(([fault]) => fault).join(', ')
const listLimitedBy = (limit: Limit): string =>
  faults.flatMap(([fault, ...limitedBy]) => (limitedBy.includes(limit) ? [fault] : [])).join(', ')

export const rule = shape
  .superRefine((value, context) => {
    const message = describeInvalidRule(value)
    if (message !== undefined) context.addIssue({ code: 'custom', message })
  })
  .meta({
    description: [
      `At least one of ${faultNames}.`,
      ...limits.map((limit) => `A ${limit} is only valid for ${listLimitedBy(limit)}.`),
    ].join(' '),
    minProperties: 1,
  })

const maxMemory = `expected at most ${maxMemoryMb} MiB of memory in total`
const ttl = 'The seconds after which they end by themselves'

export const faultSet = z
  .strictObject({
    rules: z
      .array(rule)
      .max(maxRules)
      .refine((rules) => addUp(rules, 'memoryMb') <= maxMemoryMb, maxMemory),
    ttlSeconds: z.int().min(1).max(maxTtlSeconds).meta({ description: ttl }),
  })
  .meta({ examples: [{ rules: [{ route: 'GET /tasks', latencyMs: 2500, ratio: 0.2 }], ttlSeconds: 300 }] })

export function addUp(rules: readonly Rule[], field: 'latencyMs' | 'dbLatencyMs' | 'memoryMb'): number {
  return rules.reduce((sum, one) => sum + (one[field] ?? 0), 0)
}

function describeInvalidRule(value: Rule): string | undefined {
  const set = faults.filter(([fault]) => value[fault] !== undefined && value[fault] !== false)
  if (set.length === 0) return `expected at least one of ${faultNames}`
  for (const limit of limits) {
    const [other] = set.find(([, ...limitedBy]) => !limitedBy.includes(limit)) ?? []
    if (value[limit] !== undefined && other !== undefined)
      return `${other} cannot have a ${limit}, expected a separate rule without ${limit}`
  }
  return undefined
}
