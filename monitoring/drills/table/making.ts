import type { Drill, Scene, Withdraw } from '../run/drill.ts'
import type { FaultRule } from '../faults/injected.ts'

/** A drill with what most have: nobody to escalate to, nothing beside it. */
export function drill(
  of: Pick<Drill, 'requirement' | 'alert' | 'fault' | 'touches' | 'makeFault' | 'to'> & Partial<Drill>,
): Drill {
  return { inhibits: [], along: [], escalations: [], ...of }
}

export function injected(...rules: readonly FaultRule[]): Drill['makeFault'] {
  return async ({ stage }) => stage.faults.add(rules)
}

/** Part of the users' lists are held up: so many milliseconds, three in ten. */
export function slow(latencyMs: number): Drill['makeFault'] {
  return injected({ route: 'GET /tasks', latencyMs, ratio: 0.3 })
}

/** What is switched on all the time: one route fails, which nothing but {@link failing} asks for. */
export const standing: readonly FaultRule[] = [{ route: 'GET /imports/:id', status: 500 }]

/**
 * So many failed requests a second, evenly: chance alone would carry a share of 7 % over 10 % within the two minutes
 * that some rules look back.
 */
export function failing(perSecond: number): Drill['makeFault'] {
  return steadily(perSecond, async ({ traffic }, count) =>
    traffic.send({ method: 'GET', path: '/imports/00000000-0000-7000-8000-000000000000', user: count }),
  )
}

/** The service's memory is this share of what it may have (512 MB). */
export function memoryAt(share: number): Drill['makeFault'] {
  return async ({ stage }) => {
    const used = await residentBytes(stage.urls)
    return stage.faults.add([{ memoryMb: Math.max(1, Math.round((share * 512e6 - used) / 2 ** 20)) }])
  }
}

/** Something that goes on at a steady rate until it is withdrawn. */
export function steadily(
  perSecond: number,
  act: (scene: Scene, count: number) => Promise<unknown>,
): Drill['makeFault'] {
  return async (scene): Promise<Withdraw> =>
    scene.traffic.keepOn(perSecond, async (count) => act(scene, count))
}

async function residentBytes({ service }: Scene['stage']['urls']): Promise<number> {
  const answer = await fetch(`${service}/metrics`)
  const line = (await answer.text())
    .split('\n')
    .find((each) => each.startsWith('process_resident_memory_bytes'))
  return Number(line?.split(' ')[1] ?? 0)
}
