/** What became of one commit. */
export type Tried = 'good' | 'bad' | 'open' | 'unbuildable'

/** A commit that was tried, by its place between good (−1) and bad (the last). */
export interface Attempt {
  index: number
  tried: Tried
}

/** The commit that made it slower; or those that it lies among, when some between could not be tried or stayed open. */
export type Culprit =
  | { state: 'found'; index: number }
  | { state: 'among'; from: number; to: number; why: 'unbuildable' | 'open' }
  | { state: 'interrupted' }

/**
 * Finds the first bad commit of a line of them by halving it. `commits` counts those after the good one; the last is known
 * to be bad. One that cannot be tried says nothing, so its nearest untried neighbour is tried instead; so is the one that stays open:
 * its change is then about as large as the margin, and its neighbours are clearer.
 */
export async function bisect(
  commits: number,
  attempt: (index: number) => Promise<Tried | 'interrupted'>,
): Promise<{ culprit: Culprit; attempts: Attempt[] }> {
  let [good, bad] = [-1, commits - 1]
  const attempts: Attempt[] = []
  const useless = new Map<number, 'unbuildable' | 'open'>()
  for (;;) {
    const next = nearestTo(Math.floor((good + bad) / 2), good, bad, useless)
    if (next === undefined) return { culprit: culpritOf(good, bad, useless), attempts }
    const tried = await attempt(next)
    if (tried === 'interrupted') return { culprit: { state: 'interrupted' }, attempts }
    attempts.push({ index: next, tried })
    switch (tried) {
      case 'good':
        good = next
        break
      case 'bad':
        bad = next
        break
      case 'open':
      case 'unbuildable':
        useless.set(next, tried)
    }
  }
}

/** The commit nearest to the middle, strictly between, that has not been of no use. */
function nearestTo(
  middle: number,
  good: number,
  bad: number,
  useless: ReadonlyMap<number, unknown>,
): number | undefined {
  const between = Array.from({ length: Math.max(0, bad - good - 1) }, (_, index) => good + 1 + index).filter(
    (index) => !useless.has(index),
  )
  return between.toSorted((a, b) => Math.abs(a - middle) - Math.abs(b - middle))[0]
}

function culpritOf(good: number, bad: number, useless: ReadonlyMap<number, 'unbuildable' | 'open'>): Culprit {
  if (bad - good === 1) return { state: 'found', index: bad }
  const between = Array.from({ length: bad - good - 1 }, (_, index) => useless.get(good + 1 + index))
  return { state: 'among', from: good + 1, to: bad, why: between.includes('open') ? 'open' : 'unbuildable' }
}
