import type { Hop, HopName } from '../observation/hops.ts'

/** Waits for something to be so, at most so long. */
export type WaitUntil = (isSo: () => boolean, withinMs: number) => Promise<boolean>

/** `arrived`: every hop was travelled. `lost`: at which hop an alert was lost, and why. */
export type HopsResult = { state: 'arrived' } | { state: 'lost'; hop: HopName; why: string }

/** Travels the hops one after the other; the first that is not travelled in time ends it. */
export async function followHops(
  hops: readonly Hop[],
  until: WaitUntil,
  tell: (hop: HopName) => void = () => undefined,
): Promise<HopsResult> {
  for (const hop of hops) {
    tell(hop.name)
    if (!(await until(hop.isReached, hop.withinMs))) return { state: 'lost', hop: hop.name, why: hop.why() }
  }
  return { state: 'arrived' }
}
