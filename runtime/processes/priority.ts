import { getPriority, setPriority } from 'node:os'

/** As nice as one can be: whoever else wants the core has it. */
const last = 19

/**
 * Lets everybody else go first until it is undone. Sorting a unit's journeys and judging it takes tens of milliseconds in one
 * piece, and a service that wanted the core just then would wait a time slice or more for it: of the slowest requests on two cores,
 * a third were ours to blame. Only where it can be undone (root, or a service manager's leave), for what we start later is as
 * nice as we are.
 *
 * @returns undoes it
 */
export function stepBack(): () => void {
  const usual = getPriority()
  try {
    setPriority(Math.min(usual + 1, last))
    setPriority(usual)
  } catch {
    return () => undefined
  }
  setPriority(last)
  return () => setPriority(usual)
}
