import { deflateRawSync, inflateRawSync } from 'node:zlib'
import { z } from 'zod'
import type { Bucket, Histogram } from '../index.ts'
import { jsonOf } from '../documents/index.ts'

/** By step: steps of bounds in whole microseconds and counts, `[step, count, step, count, …]`. */
const packedSchema = z.record(z.string(), z.array(z.number().nonnegative()))
/** Of one run: 20 steps with 2,000 buckets each take 0.4 MB. What was made to exhaust memory is refused. */
const mostBytes = 16 * 2 ** 20

/**
 * The histograms of a run's steps as one compressed value: 1.1 kB for 20 steps of 30 requests. Bounds keep
 * the microseconds that records have.
 */
export function packHistograms(steps: Readonly<Record<string, Histogram>>): Buffer {
  const packed = Object.entries(steps).map(([step, histogram]) => {
    let before = 0
    const flat = histogram.flatMap(([upperMs, count]) => {
      const micros = Math.round(upperMs * 1000)
      const pair = [micros - before, count]
      before = micros
      return pair
    })
    return [step, flat] as const
  })
  return deflateRawSync(JSON.stringify(Object.fromEntries(packed)))
}

/** Undefined for what is no such value: it may come from an imported file. */
export function unpackHistograms(packed: Uint8Array): Map<string, Histogram> | undefined {
  const checked = packedSchema.safeParse(inflate(packed))
  if (!checked.success) return undefined
  return new Map(
    Object.entries(checked.data).map(([step, flat]) => {
      let micros = 0
      const histogram: Bucket[] = []
      for (let at = 0; at + 1 < flat.length; at += 2) {
        micros += flat[at] ?? 0
        histogram.push([micros / 1000, flat[at + 1] ?? 0])
      }
      return [step, histogram]
    }),
  )
}

function inflate(packed: Uint8Array): unknown {
  try {
    const json = jsonOf(inflateRawSync(packed, { maxOutputLength: mostBytes }).toString('utf8'))
    return json.state === 'ok' ? json.value : undefined
  } catch {
    return undefined
  }
}
