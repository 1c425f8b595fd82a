import { createHash } from 'node:crypto'
import type { Cadence } from '../../config/cadence.ts'

const mostMs = 5000
/** So far is looked ahead for the shortest gap; only gaps below `mostMs` matter. */
const lookMs = 120_000
const lookRuns = 64

/**
 * Moves a cadence by a delay of its own, so that probes that are due at the same second do not all begin at once, neither
 * here nor from another prober. The delay is the same every time (the runs stay evenly spaced): drawn from the seed and the
 * probe's name, shorter than the shortest gap between two runs and than 5 s.
 *
 * @param seed what tells this prober from others
 * @param fromMs where the search for the shortest gap begins
 */
export function splayed(cadence: Cadence, seed: string, name: string, fromMs: number): Cadence {
  const delayMs = Math.floor(share(`${seed}\n${name}`) * Math.min(mostMs, shortestGap(cadence, fromMs)))
  return { text: cadence.text, next: (afterMs) => cadence.next(afterMs - delayMs) + delayMs }
}

/** In [0, 1), uniform over texts. */
function share(text: string): number {
  return createHash('sha256').update(text).digest().readUInt32BE(0) / 2 ** 32
}

function shortestGap(cadence: Cadence, fromMs: number): number {
  let shortest = mostMs
  let at = cadence.next(fromMs)
  for (let run = 0; run < lookRuns && at - fromMs < lookMs; run += 1) {
    const next = cadence.next(at)
    shortest = Math.min(shortest, next - at)
    at = next
  }
  return shortest
}
