/** Where to look for the load at which a budget breaks. Loads are journeys per second or connections. */
export interface SearchPlan {
  start: number
  /** From one load to the next while climbing. */
  growth: number
  /** Loads above are not tried. */
  highest: number
  /** The knee is known well enough when the load that breaks is at most so many times the load that keeps. */
  closeRatio: number
  /** Loads are whole numbers (connections). */
  wholeNumbers: boolean
}

/**
 * How one measurement at a load ended. `unmeasured`: nothing can be said of the target, because the generator
 * was the limit.
 */
export interface Try {
  load: number
  outcome: 'kept' | 'broke' | 'unmeasured'
}

/**
 * `found`: budgets are kept at `keeps` and broken at `breaks`, each seen at least twice; the knee lies
 * between.
 * `beyond`: kept as far as could be tried. `below`: broken at the least load that was tried. `unknown`:
 * nothing was measured.
 */
export type Knee =
  | { state: 'found'; keeps: number; breaks: number }
  | { state: 'beyond'; keeps: number; because: 'most' | 'unmeasured' }
  | { state: 'below'; breaks: number }
  | { state: 'unknown' }

export type NextStep = { kind: 'measure'; load: number } | { kind: 'done'; knee: Knee }

/** A load breaks or keeps the budgets when that was seen twice: one bad moment of a machine is no knee. */
const confirmations = 2
/** About how often a load is divided by `growth` to find one that is kept. */
const stepsDown = 4

type State = 'kept' | 'kept once' | 'broken' | 'unmeasured' | 'open'

/**
 * The next load to measure after those tried, or the knee. A pure function of what was seen, so that it can
 * be tested on made-up services.
 */
export function nextStep(tries: readonly Try[], plan: SearchPlan): NextStep {
  if (tries.length === 0) return { kind: 'measure', load: roundLoad(plan.start, plan) }
  const loads = [...new Set(tries.map(({ load }) => load))].toSorted((a, b) => a - b)
  const states = new Map(loads.map((load) => [load, classifyLoad(tries.filter((one) => one.load === load))]))
  const open = loads.find((load) => states.get(load) === 'open')
  if (open !== undefined) return { kind: 'measure', load: open }
  const breaks = loads.find((load) => states.get(load) === 'broken')
  const ceiling = breaks ?? loads.find((load) => states.get(load) === 'unmeasured')
  const keeps = loads.findLast(
    (load) => (ceiling === undefined || load < ceiling) && states.get(load)?.startsWith('kept'),
  )
  if (keeps === undefined) return descend(loads[0] ?? plan.start, breaks, plan)
  if (ceiling === undefined) return climb(keeps, states.get(keeps) === 'kept', plan)
  return narrow(
    keeps,
    ceiling,
    { broken: breaks !== undefined, confirmed: states.get(keeps) === 'kept' },
    plan,
  )
}

function classifyLoad(tries: readonly Try[]): State {
  const count = (outcome: Try['outcome']): number => tries.filter((one) => one.outcome === outcome).length
  if (count('broke') >= confirmations) return 'broken'
  if (count('kept') >= confirmations) return 'kept'
  if (count('unmeasured') >= confirmations) return 'unmeasured'
  return count('kept') === 1 && tries.length === 1 ? 'kept once' : 'open'
}

function climb(keeps: number, confirmed: boolean, plan: SearchPlan): NextStep {
  const load = roundLoad(Math.min(keeps * plan.growth, plan.highest), plan)
  if (load > keeps) return { kind: 'measure', load }
  return confirmed
    ? { kind: 'done', knee: { state: 'beyond', keeps, because: 'most' } }
    : { kind: 'measure', load: keeps }
}

function descend(lowest: number, breaks: number | undefined, plan: SearchPlan): NextStep {
  const load = roundLoad(lowest / plan.growth, plan)
  if (load > 0 && load < lowest && load >= plan.start / plan.growth ** (stepsDown + 0.5))
    return { kind: 'measure', load }
  return { kind: 'done', knee: breaks === undefined ? { state: 'unknown' } : { state: 'below', breaks } }
}

function narrow(
  keeps: number,
  ceiling: number,
  { broken, confirmed }: { broken: boolean; confirmed: boolean },
  plan: SearchPlan,
): NextStep {
  const between = roundLoad(Math.sqrt(keeps * ceiling), plan)
  if (ceiling > keeps * plan.closeRatio && between > keeps && between < ceiling)
    return { kind: 'measure', load: between }
  if (!confirmed) return { kind: 'measure', load: keeps }
  return {
    kind: 'done',
    knee: broken
      ? { state: 'found', keeps, breaks: ceiling }
      : { state: 'beyond', keeps, because: 'unmeasured' },
  }
}

/** Three significant digits: the difference between 1,234 and 1,233 journeys/s matters to no one. */
function roundLoad(load: number, { wholeNumbers }: SearchPlan): number {
  const short = Number(load.toPrecision(3))
  return wholeNumbers ? Math.round(short) : short
}
