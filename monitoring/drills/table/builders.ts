import type { Drill, DrillContext, EndFault } from './drill.ts'
import type { FaultRule } from '../environment/fault-injection.ts'

/** A drill with what most have: nobody to escalate to, nothing beside it. */
export function defineDrill(
  of: Pick<Drill, 'requirement' | 'alert' | 'fault' | 'exclusive' | 'injectFault' | 'to'> & Partial<Drill>,
): Drill {
  return { inhibits: [], mayAlsoFire: [], escalations: [], ...of }
}

export function injectRules(...rules: readonly FaultRule[]): Drill['injectFault'] {
  return async ({ environment }) => environment.faults.add(rules)
}

/** Part of the users' lists are held up: so many milliseconds, three in ten. */
export function slowDownLists(latencyMs: number): Drill['injectFault'] {
  return injectRules({ route: 'GET /tasks', latencyMs, ratio: 0.3 })
}

/** What is switched on all the time: one route fails, which nothing but {@link failRequests} asks for. */
export const permanentFaults: readonly FaultRule[] = [{ route: 'GET /imports/:id', status: 500 }]

/**
 * So many failed requests a second, evenly: chance alone would carry a share of 7 % over 10 % within the two minutes
 * that some rules look back.
 */
export function failRequests(perSecond: number): Drill['injectFault'] {
  return actAtRate(perSecond, async ({ traffic }, count) =>
    traffic.send({ method: 'GET', path: '/imports/00000000-0000-7000-8000-000000000000', user: count }),
  )
}

/** The service's memory is this share of what it may have (512 MB). */
export function fillMemory(share: number): Drill['injectFault'] {
  return async ({ environment }) => {
    const used = await residentBytes(environment.urls)
    return environment.faults.add([{ memoryMb: Math.max(1, Math.round((share * 512e6 - used) / 2 ** 20)) }])
  }
}

/** Something that goes on at a steady rate until it is withdrawn. */
export function actAtRate(
  perSecond: number,
  act: (scene: DrillContext, count: number) => Promise<unknown>,
): Drill['injectFault'] {
  return async (scene): Promise<EndFault> =>
    scene.traffic.actAtRate(perSecond, async (count) => act(scene, count))
}

async function residentBytes({ service }: DrillContext['environment']['urls']): Promise<number> {
  const answer = await fetch(`${service}/metrics`)
  const line = (await answer.text())
    .split('\n')
    .find((each) => each.startsWith('process_resident_memory_bytes'))
  return Number(line?.split(' ')[1] ?? 0)
}
