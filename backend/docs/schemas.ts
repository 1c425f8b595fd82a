import { z } from 'zod'

/** The parts of a JSON Schema that examples are built from. */
const shape = z.looseObject({
  type: z.union([z.string(), z.array(z.string())]).optional(),
  examples: z.array(z.unknown()).optional(),
  const: z.unknown().optional(),
  enum: z.array(z.unknown()).optional(),
  default: z.unknown().optional(),
  anyOf: z.array(z.unknown()).optional(),
  properties: z.record(z.string(), z.unknown()).optional(),
  required: z.array(z.string()).optional(),
  items: z.unknown().optional(),
  format: z.string().optional(),
  minimum: z.number().optional(),
})

type Json = Record<string, unknown>
type Shape = z.infer<typeof shape>

const examplesByFormat: Readonly<Record<string, string>> = {
  uuid: '019b0000-0000-7000-8000-000000000000',
  'date-time': '2027-01-31T09:00:00.000Z',
}

/**
 * Builds an example of `schema` (JSON Schema): its own example, or one built from its parts. An object gets
 * its required properties and those that have an example.
 */
export function buildExample(schema: unknown): unknown {
  const known = shape.parse(schema)
  const [given] = known.examples ?? []
  if (given !== undefined) return given
  if (known.const !== undefined) return known.const
  if (known.default !== undefined) return known.default
  if (known.enum !== undefined) return known.enum[0]
  if (known.anyOf !== undefined) return buildExample(known.anyOf[0])
  return buildExampleByType(known)
}

function buildExampleByType(known: Shape): unknown {
  const [type] = Array.isArray(known.type) ? known.type : [known.type]
  if (type === 'object') return buildObjectExample(known)
  if (type === 'array') return known.items === undefined ? [] : [buildExample(known.items)]
  if (type === 'integer' || type === 'number') return Math.max(1, known.minimum ?? 1)
  if (type === 'boolean') return true
  if (type === 'string') return examplesByFormat[known.format ?? ''] ?? 'text'
  return {}
}

function buildObjectExample({ properties = {}, required = [] }: Shape): Record<string, unknown> {
  const shown = Object.entries(properties).filter(
    ([name, part]) => required.includes(name) || shape.parse(part).examples !== undefined,
  )
  return Object.fromEntries(shown.map(([name, part]) => [name, buildExample(part)]))
}

export function describeMediaTypes(types: Readonly<Record<string, z.ZodType>>, io: 'input' | 'output'): Json {
  const described: Json = {}
  for (const [type, schema] of Object.entries(types)) {
    const json = toJsonSchema(schema, io)
    described[type] = { schema: json, example: buildExample(json) }
  }
  return described
}

export function toJsonSchema(schema: z.ZodType, io: 'input' | 'output'): Json {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, {
    io,
    unrepresentable: 'any',
    override: ({ jsonSchema }) => simplify(jsonSchema),
  })
  return rest
}

// The metadata of a schema overrides what is derived: a number in a query is text only in its encoding.
function simplify(schema: Json): void {
  if (schema['type'] === 'integer') {
    delete schema['pattern']
    if (typeof schema['default'] === 'string') schema['default'] = Number(schema['default'])
  }
  // Tools generate and check these formats correctly without the pattern.
  if ('pattern' in schema && (schema['format'] === 'date-time' || schema['format'] === 'uuid'))
    delete schema['pattern']
}
