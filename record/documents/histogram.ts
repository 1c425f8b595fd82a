import { z } from 'zod'

/**
 * Non-cumulative counts by the bucket's upper bound in milliseconds, bounds rising. Every answered request,
 * failed ones too.
 */
export type Histogram = readonly Bucket[]
export type Bucket = readonly [upperMs: number, count: number]

// A record has thousands of buckets and `vigil compare` reads hundreds of records: one loop instead of a
// schema for each pair. The published JSON Schema repeats it in its own terms (below).
export const histogramSchema = z.custom<Histogram>().superRefine((value: unknown, context) => {
  const problem = histogramProblem(value)
  if (problem) context.addIssue({ code: 'custom', path: problem.path, message: problem.message })
})

/** What the published JSON Schema says of a histogram. */
export const histogramJsonSchema = {
  type: 'array',
  description: 'Non-cumulative counts by the upper bound of the bucket in milliseconds, bounds rising.',
  items: {
    type: 'array',
    prefixItems: [
      { type: 'number', minimum: 0 },
      { type: 'integer', minimum: 0 },
    ],
    minItems: 2,
    maxItems: 2,
  },
}

/** The problem of a histogram and its place, or undefined. */
function histogramProblem(value: unknown): { path: number[]; message: string } | undefined {
  if (!Array.isArray(value))
    return { path: [], message: `found ${typeof value}, expected an array of [upperMs, count]` }
  const buckets: unknown[] = value
  let previous = -1
  for (let index = 0; index < buckets.length; index += 1) {
    const bucket: unknown = buckets[index]
    const upperMs: unknown = Array.isArray(bucket) && bucket.length === 2 ? bucket[0] : undefined
    const samples: unknown = Array.isArray(bucket) ? bucket[1] : undefined
    if (typeof upperMs !== 'number' || !Number.isFinite(upperMs) || upperMs < 0)
      return { path: [index, 0], message: 'expected an upper bound in milliseconds, 0 or more' }
    if (typeof samples !== 'number' || !Number.isInteger(samples) || samples < 0)
      return { path: [index, 1], message: 'expected a whole number of samples, 0 or more' }
    if (upperMs <= previous)
      return { path: [index, 0], message: `found ${upperMs} after ${previous}, expected rising bounds` }
    previous = upperMs
  }
  return undefined
}
