import { resolutionHops, deliveryHops } from '../observation/hops.ts'
import type { Hop, Limits } from '../observation/hops.ts'
import { wasDelivered, deliveredAtMs } from '../observation/hops.ts'
import { destinationText } from '../observation/observation.ts'
import type { Destination, Observation } from '../observation/observation.ts'
import type { Observer } from '../observation/observer.ts'
import type { Drill, DrillResult, DrillContext, EndFault } from '../table/drill.ts'
import { followHops } from './walk.ts'
import type { HopsResult } from './walk.ts'

/** The usual limits: on production's clock, and what the machine may take besides however fast the clock is. */
const usual: Limits = {
  trueMs: 12 * 60_000,
  firesMs: 11 * 60_000,
  deliverMs: 3 * 60_000,
  clearMs: 20 * 60_000,
}
/** What was on its way when Alertmanager was seen to hold it back. */
const inhibitionGraceMs = 2000
const machine: Limits = { trueMs: 12_000, firesMs: 5000, deliverMs: 8000, clearMs: 15_000 }

/** Makes the fault, follows the alert out, withdraws the fault, follows it home. The fault is withdrawn however this ends. */
export async function runDrill(
  drill: Drill,
  scene: DrillContext,
  watch: Observer,
  now: () => number,
  tell: (step: string) => void,
): Promise<DrillResult> {
  const limits = limitsOf(drill, scene)
  const standIn = drill.standIn ?? drill.standInFor?.(scene.environment)
  tell('calm')
  const before = await followHops([calm(drill, watch, limits, now)], watch.waitUntil)
  const cast = follow(drill, watch)
  const seen = (): Observation => cast.main
  const expected = { alert: drill.alert, to: drill.to, content: [drill.alert] }
  if (before.state === 'lost')
    return resultOf(drill, cast, before, {
      startedMs: now(),
      withdrawnMs: now(),
      interrupted: scene.signal.aborted,
      standIn,
    })
  tell('fault')
  const startedMs = now()
  const withdrawFault = once(await drill.injectFault(scene))
  let withdrawnMs = startedMs
  try {
    const out = await followHops(
      [
        ...deliveryHops(seen, expected, limits),
        ...inhibitionHops(cast, limits),
        ...mutingHops(cast, limits),
        ...escalationHops(cast, scene),
      ],
      watch.waitUntil,
      tell,
    )
    await withdrawFault()
    withdrawnMs = now()
    const walked =
      out.state === 'arrived' && drill.stays === undefined
        ? await followHops(
            [...resolutionHops(seen, expected, limits), calm(drill, watch, limits, now)],
            watch.waitUntil,
            tell,
          )
        : out
    return resultOf(drill, cast, walked, {
      startedMs,
      withdrawnMs,
      interrupted: scene.signal.aborted,
      standIn,
    })
  } finally {
    await withdrawFault()
    for (const observed of [
      cast.main,
      ...cast.inhibited,
      ...cast.muted,
      ...cast.escalations.map((step) => step.seen),
    ])
      watch.endObservation(observed)
  }
}

function limitsOf({ limits, slack }: Drill, { compress }: DrillContext): Limits {
  const limit = (key: keyof Limits): number =>
    compress(limits?.[key] ?? usual[key]) + (slack?.[key] ?? 0) + machine[key]
  return {
    trueMs: limit('trueMs'),
    firesMs: limit('firesMs'),
    deliverMs: limit('deliverMs'),
    clearMs: limit('clearMs'),
  }
}

/**
 * Before a fault and after it nothing fires that it raises, and nobody is about to be told that it is over; else the next
 * drill would take this one's notifications for its own.
 */
function calm(drill: Drill, watch: Observer, limits: Limits, now: () => number): Hop {
  const raised = new Set([drill.alert, ...drill.inhibits, ...(drill.mutes ?? []), ...drill.mayAlsoFire])
  const still = (): string[] =>
    drill.stays === undefined
      ? watch
          .firing()
          .filter(
            ({ alertname = '', unresolved = '' }) =>
              raised.has(alertname) || (tellers.includes(alertname) && raised.has(unresolved)),
          )
          .map(({ alertname = '' }) => alertname)
      : []
  let sinceMs: number | undefined
  const reached = (): boolean => {
    sinceMs = still().length > 0 ? undefined : (sinceMs ?? now())
    return sinceMs !== undefined && (drill.stays !== undefined || now() - sinceMs >= settledMs)
  }
  return {
    name: 'calm',
    withinMs: limits.clearMs,
    isReached: reached,
    why: () => `${[...new Set(still())].join(', ')} fires although nothing is wrong`,
  }
}

/** Alertmanager waits for more of a group, and the watch looks five times a second. */
const settledMs = 1500

/** Alerts about alerts: what they tell names others. */
const tellers = ['CriticalAlertPersists', 'CriticalAlertUnresolved']

/** What is watched for a drill. */
interface Cast {
  main: Observation
  inhibited: Observation[]
  muted: Observation[]
  escalations: { to: readonly Destination[]; afterMs: number; seen: Observation }[]
}

function follow({ alert, inhibits, mutes = [], escalations, stays }: Drill, watch: Observer): Cast {
  return {
    // What stays may have been there before: the people who use the stage registered, too.
    main: watch.observe({ alert, notAbout: tellers, fromTheStart: stays !== undefined }),
    inhibited: inhibits.map((other) => watch.observe({ alert: other, notAbout: tellers })),
    muted: mutes.map((other) => watch.observe({ alert: other, notAbout: tellers })),
    escalations: escalations.map((step) => ({
      ...step,
      seen: watch.observe({ alert: step.alert, labels: { unresolved: alert }, alsoAbout: alert }),
    })),
  }
}

/** What comes with it is true, and is kept quiet because it fires: it was held back, and from then on nobody was told. */
function inhibitionHops({ main, inhibited }: Cast, limits: Limits): Hop[] {
  return inhibited.flatMap((seen): Hop[] => [
    {
      name: 'inhibition',
      withinMs: limits.firesMs,
      isReached: () => seen.inhibitedAtMs !== undefined,
      why: () =>
        `${seen.alert} should have been held back while ${main.alert} fires: ${seen.firingAtMs === undefined ? 'it does not fire itself' : 'Alertmanager does not inhibit it'}`,
    },
    {
      name: 'inhibition',
      withinMs: 0,
      isReached: () => toldOf(seen).length === 0,
      why: () =>
        `${seen.alert} was delivered to ${toldOf(seen).join(', ')} although ${main.alert} fires, which should hold it back`,
    },
  ])
}

/** In a maintenance window: it fires, is held back, and nobody hears of it. */
function mutingHops({ muted }: Cast, limits: Limits): Hop[] {
  return muted.flatMap((seen): Hop[] => [
    {
      name: 'muting',
      withinMs: limits.trueMs + limits.firesMs,
      isReached: () => seen.firingAtMs !== undefined,
      why: () =>
        `${seen.alert} does not fire in the maintenance window, so that nothing is known about its muting`,
    },
    {
      name: 'muting',
      withinMs: limits.deliverMs,
      isReached: () => seen.inhibitedAtMs !== undefined || seen.silencedAtMs !== undefined,
      why: () => `${seen.alert} fires in the maintenance window and is not muted`,
    },
    {
      name: 'muting',
      withinMs: 0,
      isReached: () => !seen.received.some(({ response }) => response.state === 'ok'),
      why: () =>
        `${seen.alert} was delivered to ${[...new Set(seen.received.map(destinationText))].join(', ')} in the maintenance window`,
    },
  ])
}

/** Of an alert that became true before the one that holds it back people may have heard, but not any more. */
function toldOf({ received, inhibitedAtMs = Infinity }: Observation): string[] {
  return [
    ...new Set(
      received
        .filter(
          ({ status, response, atMs }) =>
            status === 'firing' && response.state === 'ok' && atMs > inhibitedAtMs + inhibitionGraceMs,
        )
        .map(destinationText),
    ),
  ]
}

function escalationHops({ main, escalations }: Cast, { compress }: DrillContext): Hop[] {
  return escalations.flatMap(({ seen, to, afterMs }): Hop[] => {
    const withinMs = compress(afterMs) + machine.firesMs + machine.deliverMs
    return [
      {
        name: 'escalation',
        withinMs,
        isReached: () => seen.firingAtMs !== undefined,
        why: () =>
          `${seen.alert} did not fire within ${Math.round(withinMs / 1000)} s although ${main.alert} stays`,
      },
      ...to.map((destination): Hop => ({
        name: 'escalation',
        withinMs: machine.deliverMs,
        isReached: () => wasDelivered(seen, destination, 'firing'),
        why: () => `${seen.alert} fires for ${main.alert}, but ${destinationText(destination)} was not told`,
      })),
    ]
  })
}

interface Times {
  startedMs: number
  withdrawnMs: number
  interrupted: boolean
  standIn: string | undefined
}

function resultOf(
  drill: Drill,
  { main, inhibited, escalations }: Cast,
  walked: HopsResult,
  times: Times,
): DrillResult {
  const escalatedMs = escalations.flatMap(({ seen, to }) => lastTold(seen, to, 'firing') ?? [])
  return {
    requirement: drill.requirement,
    alert: drill.alert,
    fault: drill.fault,
    ...(times.standIn !== undefined && { standIn: times.standIn }),
    ...(drill.stays !== undefined && { stays: drill.stays }),
    state: walked.state === 'arrived' ? 'passed' : times.interrupted ? 'interrupted' : 'failed',
    ...(walked.state === 'lost' && { hop: walked.hop, why: walked.why }),
    ...span('fireSeconds', times.startedMs, main.firingAtMs),
    ...span('deliverSeconds', main.firingAtMs, lastTold(main, drill.to, 'firing')),
    ...span(
      'escalateSeconds',
      main.firingAtMs,
      escalatedMs.length === 0 ? undefined : Math.max(...escalatedMs),
    ),
    ...span('resolveSeconds', times.withdrawnMs, lastTold(main, drill.to, 'resolved')),
    deliveredTo: drill.to
      .filter((destination) => wasDelivered(main, destination, 'firing'))
      .map(destinationText),
    escalatedTo: escalations.flatMap(({ seen, to }) =>
      to.filter((destination) => wasDelivered(seen, destination, 'firing')).map(destinationText),
    ),
    inhibited: inhibited.filter(({ inhibitedAtMs }) => inhibitedAtMs !== undefined).map(({ alert }) => alert),
  }
}

/** When the last of them was told; undefined while somebody was not. */
function lastTold(
  seen: Observation,
  to: readonly Destination[],
  tells: 'firing' | 'resolved',
): number | undefined {
  const moments = to.map((destination) => deliveredAtMs(seen, destination, tells))
  const known = moments.filter((moment) => moment !== undefined)
  return known.length < moments.length || known.length === 0 ? undefined : Math.max(...known)
}

function span(
  key: 'fireSeconds' | 'deliverSeconds' | 'escalateSeconds' | 'resolveSeconds',
  from: number | undefined,
  to: number | undefined,
): Partial<DrillResult> {
  return from === undefined || to === undefined
    ? {}
    : { [key]: Math.max(0, Number(((to - from) / 1000).toFixed(1))) }
}

function once(withdraw: EndFault): EndFault {
  let withdrawn: Promise<void> | undefined
  return async () => {
    withdrawn ??= withdraw()
    await withdrawn
  }
}
