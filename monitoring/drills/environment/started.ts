import type { Started } from '../../../runtime/services/index.ts'

/** Something of the stage did not start: why. */
export class StartError extends Error {}

interface Keepable {
  stop: () => Promise<unknown>
  ended: Promise<unknown>
  lastWords: () => string
}

/** What was started and how it is ended: all of it, the last one first. */
export interface Keeping {
  /** What ended although nobody asked it to. */
  casualties: string[]
  /** Notes a service once it is up; throws {@link StartError} when it does not come up. */
  up: <S extends Keepable>(
    name: string,
    starting: Promise<{ state: 'up'; service: S } | (Started & { state: 'failed' })>,
  ) => Promise<S>
  /** Notes something else that has to be ended. */
  also: (stop: () => Promise<unknown>) => void
  stop: () => Promise<void>
}

export function keeping(): Keeping {
  const stops: (() => Promise<unknown>)[] = []
  const casualties: string[] = []
  return {
    casualties,
    up: async (name, starting) => {
      const started = await starting
      if (started.state === 'failed') throw new StartError(started.reason)
      const { service } = started
      let asked = false
      stops.push(async () => {
        asked = true
        await service.stop()
      })
      void noteEnd(service, () => (asked ? undefined : name), casualties)
      return service
    },
    also: (stop) => void stops.push(stop),
    stop: async () => {
      for (const one of stops.splice(0).toReversed()) await one()
    },
  }
}

async function noteEnd(
  service: Keepable,
  unasked: () => string | undefined,
  casualties: string[],
): Promise<void> {
  await service.ended
  const name = unasked()
  if (name !== undefined)
    casualties.push(`${name} ended by itself; it last wrote: ${service.lastWords() || 'nothing'}`)
}

/** Waits for all, also when one failed: what starts must be noted before everything is ended. */
export async function settle(starting: readonly Promise<unknown>[]): Promise<void> {
  await Promise.allSettled(starting)
}
