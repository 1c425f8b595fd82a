/** The two that are held against each other. */
export const sides = ['baseline', 'candidate'] as const
export type Side = (typeof sides)[number]

/** Arrivals come in pairs, one for each side, so that both get as many at nearly the same time: arrivals 2k and 2k + 1 are pair k. */
export function pairOf(arrival: number): number {
  return Math.floor(arrival / 2)
}

/**
 * Which side an arrival goes to: balanced at random in pairs. Interleaving below a quarter of a second is what cancels the
 * wandering of a machine, and a random order is what keeps the second of a pair from being the same side each time (it
 * finds caches warm, and comes off better by a fifth). Pure, so that whoever reads the results knows it without being told.
 *
 * @param seed whole number that makes the order of this load
 */
export function sideOf(seed: number, arrival: number): Side {
  const candidateFirst = (mix(seed, pairOf(arrival)) & 1) === 1
  return (arrival % 2 === 0) === candidateFirst ? 'candidate' : 'baseline'
}

/** 32 well-mixed bits of two numbers: the finaliser of MurmurHash3 (Appleby 2011), twice. */
function mix(seed: number, pair: number): number {
  return finalise(finalise(Math.imul(seed, 0x9e37_79b1)) ^ pair)
}

function finalise(value: number): number {
  let bits = value | 0
  bits = Math.imul(bits ^ (bits >>> 16), 0x85eb_ca6b)
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2_ae35)
  return (bits ^ (bits >>> 16)) >>> 0
}
