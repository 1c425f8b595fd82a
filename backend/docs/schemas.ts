import { z } from 'zod'

/** The parts of a JSON Schema that an example is made by. */
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

const byFormat: Readonly<Record<string, string>> = {
  uuid: '019b0000-0000-7000-8000-000000000000',
  'date-time': '2027-01-31T09:00:00.000Z',
}

/**
 * A value that `schema` (JSON Schema) describes: the example that it gives itself, else made of those of its parts. Of
 * an object it has what is required, and whatever else has an example.
 */
export function exampleOf(schema: unknown): unknown {
  const known = shape.parse(schema)
  const [given] = known.examples ?? []
  if (given !== undefined) return given
  if (known.const !== undefined) return known.const
  if (known.default !== undefined) return known.default
  if (known.enum !== undefined) return known.enum[0]
  if (known.anyOf !== undefined) return exampleOf(known.anyOf[0])
  return byType(known)
}

function byType(known: Shape): unknown {
  const [type] = Array.isArray(known.type) ? known.type : [known.type]
  if (type === 'object') return ofObject(known)
  if (type === 'array') return known.items === undefined ? [] : [exampleOf(known.items)]
  if (type === 'integer' || type === 'number') return Math.max(1, known.minimum ?? 1)
  if (type === 'boolean') return true
  if (type === 'string') return byFormat[known.format ?? ''] ?? 'text'
  return {}
}

function ofObject({ properties = {}, required = [] }: Shape): Record<string, unknown> {
  const shown = Object.entries(properties).filter(
    ([name, part]) => required.includes(name) || shape.parse(part).examples !== undefined,
  )
  return Object.fromEntries(shown.map(([name, part]) => [name, exampleOf(part)]))
}

export function mediaTypes(types: Readonly<Record<string, z.ZodType>>, io: 'input' | 'output'): Json {
  const described: Json = {}
  for (const [type, schema] of Object.entries(types)) {
    const json = schemaOf(schema, io)
    described[type] = { schema: json, example: exampleOf(json) }
  }
  return described
}

export function schemaOf(schema: z.ZodType, io: 'input' | 'output'): Json {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, {
    io,
    unrepresentable: 'any',
    override: ({ jsonSchema }) => tidy(jsonSchema),
  })
  return rest
}

// What a schema says of itself beats what is derived: a number in a query is text by nature only.
function tidy(schema: Json): void {
  if (schema['type'] === 'integer') {
    delete schema['pattern']
    if (typeof schema['default'] === 'string') schema['default'] = Number(schema['default'])
  }
  // Its pattern says it better than the word does, which tools read in different ways.
  if ('pattern' in schema && (schema['format'] === 'date-time' || schema['format'] === 'uuid'))
    delete schema['pattern']
}
