/**
 * Holm's step-down correction: p-values adjusted so that rejecting those under α keeps the chance of one false rejection in
 * the whole family at α, whatever the dependence between the tests (Holm 1979, Scand. J. Statist. 6). In the order given.
 */
export function adjustByHolm(pValues: readonly number[]): number[] {
  const order = pValues.map((p, index) => ({ p, index })).toSorted((a, b) => a.p - b.p)
  const adjusted = Array.from({ length: pValues.length }, () => 1)
  let most = 0
  for (const [rank, { p, index }] of order.entries()) {
    most = Math.max(most, Math.min(1, p * (pValues.length - rank)))
    adjusted[index] = most
  }
  return adjusted
}
