import type { Hop, HopName } from '../follow/hops.ts'

/** Waits for something to be so, at most so long. */
export type Until = (isSo: () => boolean, withinMs: number) => Promise<boolean>

/** `arrived`: every hop was travelled. `lost`: at which hop an alert was lost, and why. */
export type Walked = { state: 'arrived' } | { state: 'lost'; hop: HopName; why: string }

/** Travels the hops one after the other; the first that is not travelled in time ends it. */
export async function walk(
  hops: readonly Hop[],
  until: Until,
  tell: (hop: HopName) => void = () => undefined,
): Promise<Walked> {
  for (const hop of hops) {
    tell(hop.name)
    if (!(await until(hop.reached, hop.withinMs))) return { state: 'lost', hop: hop.name, why: hop.why() }
  }
  return { state: 'arrived' }
}
