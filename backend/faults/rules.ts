import { z } from 'zod'

/** Larger values would affect the machine and not only the service. */
const maxRules = 20
const maxMemoryMb = 2048
const maxTtlSeconds = 3600

const ms = (max: number, description: string) => z.int().min(1).max(max).optional().meta({ description })
const flag = (description: string) => z.boolean().optional().meta({ description })

const shape = z.strictObject({
  route: z
    .string()
    .min(1)
    .max(200)
    .optional()
    .meta({
      description:
        'For example `/tasks/:id` or `GET /tasks/:id`; absent: all routes except those for operations',
      examples: ['GET /tasks'],
    }),
  ratio: z
    .number()
    .gt(0)
    .max(1)
    .optional()
    .meta({ description: 'The share of affected requests or queries; absent: all' }),
  latencyMs: ms(30_000, 'Requests wait this long before they are processed'),
  status: z
    .int()
    .min(400)
    .max(599)
    .optional()
    .meta({ description: 'Requests are answered with this status' }),
  stallMs: ms(2000, 'Requests block the event loop for this long'),
  dbLatencyMs: ms(30_000, 'Queries wait this long, on a connection of the pool'),
  query: z
    .string()
    .min(1)
    .max(200)
    .optional()
    .meta({
      description: 'The name of a query, as in the metrics; absent: all queries',
      examples: ['tasks.insert'],
    }),
  dbDown: flag('Queries fail as if the database refused connections'),
  memoryMb: z
    .int()
    .min(1)
    .max(maxMemoryMb)
    .optional()
    .meta({ description: 'MiB of memory that are allocated and kept resident' }),
  authDown: flag('Tokens can be neither signed nor verified'),
  rateLimitOff: flag('Rate limits are not enforced'),
})

export type Rule = z.infer<typeof shape>

/** Faults of single requests. Only these can be limited to a route. */
const requestFaults = ['latencyMs', 'status', 'stallMs'] as const
/** Faults that can affect a random share. The others affect all or none. */
const randomFaults = [...requestFaults, 'dbLatencyMs', 'dbDown'] as const
const kinds = [...randomFaults, 'memoryMb', 'authDown', 'rateLimitOff'] as const

export const rule = shape
  .superRefine((value, context) => {
    const message = describeInvalidRule(value)
    if (message !== undefined) context.addIssue({ code: 'custom', message })
  })
  .meta({
    description:
      `At least one of ${kinds.join(', ')}. A route is only valid for ${requestFaults.join(', ')}; ` +
      'a query only for dbLatencyMs and dbDown, a ratio for all of these.',
    minProperties: 1,
  })

export const faultSet = z
  .strictObject({
    rules: z
      .array(rule)
      .max(maxRules)
      .refine(
        (rules) => rules.reduce((sum, { memoryMb }) => sum + (memoryMb ?? 0), 0) <= maxMemoryMb,
        `expected at most ${maxMemoryMb} MiB of memory in total`,
      ),
    ttlSeconds: z
      .int()
      .min(1)
      .max(maxTtlSeconds)
      .meta({ description: 'The seconds after which they end by themselves' }),
  })
  .meta({ examples: [{ rules: [{ route: 'GET /tasks', latencyMs: 2500, ratio: 0.2 }], ttlSeconds: 300 }] })

function describeInvalidRule(value: Rule): string | undefined {
  const set = kinds.filter((kind) => value[kind] !== undefined && value[kind] !== false)
  if (set.length === 0) return `expected at least one of ${kinds.join(', ')}`
  const wide = set.find((kind) => !contains(requestFaults, kind))
  if (value.route !== undefined && wide !== undefined)
    return `${wide} affects the entire service, expected a separate rule without route`
  const other = set.find((kind) => kind !== 'dbLatencyMs' && kind !== 'dbDown')
  if (value.query !== undefined && other !== undefined)
    return `${other} is not a fault of queries, expected a separate rule without query`
  const certain = set.find((kind) => !contains(randomFaults, kind))
  if (value.ratio !== undefined && certain !== undefined)
    return `${certain} is either active or not, expected a separate rule without ratio`
  return undefined
}

function contains(list: readonly string[], kind: string): boolean {
  return list.includes(kind)
}

/**
 * Whether `rule` applies to requests of `method` to `route`. A rule without a route applies to all but
 * operation routes.
 */
export function appliesTo(
  { route: wanted }: Rule,
  method: string,
  route: string,
  operating: ReadonlySet<string>,
): boolean {
  if (wanted === undefined) return !operating.has(route)
  return wanted === route || wanted === `${method} ${route}`
}
