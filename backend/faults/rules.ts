import { z } from 'zod'

/** A drill that needs more than this wants another machine, not a larger number. */
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
      description: 'As in `/tasks/:id` or `GET /tasks/:id`; absent: every route but those for operations',
      examples: ['GET /tasks'],
    }),
  ratio: z
    .number()
    .gt(0)
    .max(1)
    .optional()
    .meta({ description: 'Share of requests, or of queries, that are hit; absent: all' }),
  latencyMs: ms(30_000, 'Requests wait this long before anything else is done'),
  status: z.int().min(400).max(599).optional().meta({ description: 'Requests are answered with this' }),
  stallMs: ms(2000, 'Requests stop the whole event loop for this long'),
  dbLatencyMs: ms(30_000, 'Queries wait this long, on a connection of the pool'),
  dbDown: flag('Queries fail as if the database refused connections'),
  memoryMb: z
    .int()
    .min(1)
    .max(maxMemoryMb)
    .optional()
    .meta({ description: 'MiB of memory that are taken and kept' }),
  authDown: flag('Tokens can neither be made nor checked'),
  rateLimitOff: flag('Rate limits are not enforced'),
})

export type Rule = z.infer<typeof shape>

/** Faults of single requests; only these can be confined to a route. */
const ofRequests = ['latencyMs', 'status', 'stallMs'] as const
/** Faults that come by chance; the others are there or not. */
const byChance = [...ofRequests, 'dbLatencyMs', 'dbDown'] as const
const kinds = [...byChance, 'memoryMb', 'authDown', 'rateLimitOff'] as const

export const rule = shape
  .superRefine((value, context) => {
    const flaw = flawOf(value)
    if (flaw !== undefined) context.addIssue({ code: 'custom', message: flaw })
  })
  .meta({
    description: `At least one of ${kinds.join(', ')}. Only ${ofRequests.join(', ')} go with a route, and only these, dbLatencyMs and dbDown with a ratio.`,
    minProperties: 1,
  })

export const faultSet = z.strictObject({
  rules: z
    .array(rule)
    .max(maxRules)
    .refine(
      (rules) => rules.reduce((sum, { memoryMb }) => sum + (memoryMb ?? 0), 0) <= maxMemoryMb,
      `expected at most ${maxMemoryMb} MiB of memory in all`,
    ),
  ttlSeconds: z.int().min(1).max(maxTtlSeconds).meta({ description: 'Until they end by themselves' }),
})

function flawOf(value: Rule): string | undefined {
  const set = kinds.filter((kind) => value[kind] !== undefined && value[kind] !== false)
  if (set.length === 0) return `expected at least one of ${kinds.join(', ')}`
  const wide = set.find((kind) => !contains(ofRequests, kind))
  if (value.route !== undefined && wide !== undefined)
    return `${wide} holds for the whole service, expected a rule of its own without route`
  const certain = set.find((kind) => !contains(byChance, kind))
  if (value.ratio !== undefined && certain !== undefined)
    return `${certain} is there or not, expected a rule of its own without ratio`
  return undefined
}

function contains(list: readonly string[], kind: string): boolean {
  return list.includes(kind)
}

/** Whether `rule` is for requests of `method` to `route`. Without a route it is for all but those that operate the service. */
export function isFor(
  { route: wanted }: Rule,
  method: string,
  route: string,
  operating: ReadonlySet<string>,
): boolean {
  if (wanted === undefined) return !operating.has(route)
  return wanted === route || wanted === `${method} ${route}`
}
