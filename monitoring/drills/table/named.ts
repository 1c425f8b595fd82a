import type { Drill } from './drill.ts'
import { drills } from './drills.ts'

/** The drills of these alerts or requirements, all when none is named; or the first name that is none, with those there are. */
export function findDrills(
  names: readonly string[],
): { state: 'ok'; drills: readonly Drill[] } | { state: 'usage-error'; name: string; known: string[] } {
  const unknown = names.find((name) => !drills.some((drill) => isNamed(drill, name)))
  if (unknown !== undefined)
    return {
      state: 'usage-error',
      name: unknown,
      known: [...drills.map(({ alert }) => alert), ...new Set(drills.map(({ requirement }) => requirement))],
    }
  return {
    state: 'ok',
    drills:
      names.length === 0 ? drills : drills.filter((drill) => names.some((name) => isNamed(drill, name))),
  }
}

function isNamed({ alert, requirement }: Drill, name: string): boolean {
  return alert.toLowerCase() === name.toLowerCase() || requirement.toLowerCase() === name.toLowerCase()
}
