import { callApi } from '../observation/http-api.ts'

/** A rule of the service's own fault injection (`PUT /_faults`), which the service checks. */
export type FaultRule = Readonly<Record<string, string | number | boolean>>

/** Switches the service's faults, several drills' at once: each has its own, and the service is told all of them. */
export interface FaultInjection {
  /** Switches on rules beside those of others; returns how to withdraw them. Throws when the service refuses. */
  add: (rules: readonly FaultRule[]) => Promise<() => Promise<void>>
  /** Everything off. */
  clear: () => Promise<void>
}

/** Faults end by themselves after so long, should we be killed. Each change begins it anew. */
const ttlSeconds = 180

export function createFaultInjection(url: string, token: string, signal: AbortSignal): FaultInjection {
  const active = new Set<readonly FaultRule[]>()
  let last: Promise<string | undefined> = Promise.resolve(undefined)
  const headers = { authorization: `Bearer ${token}` }
  const tell = async (): Promise<string | undefined> => {
    const rules = [...active].flat()
    const answer = await callApi(
      url,
      { method: 'PUT', path: '/_faults', headers, json: { rules, ttlSeconds } },
      signal,
    )
    if (answer.state === 'unreachable') return `the service's faults could not be switched: ${answer.reason}`
    return answer.status < 300
      ? undefined
      : `the service refused a fault: ${answer.status} ${answer.text.slice(0, 300)}`
  }
  // One after the other: each tells the whole set, and an older set must not come last.
  const told = async (): Promise<string | undefined> => {
    last = last.then(tell)
    return last
  }
  return {
    add: async (rules) => {
      active.add(rules)
      const flaw = await told()
      if (flaw !== undefined) {
        active.delete(rules)
        throw new Error(flaw)
      }
      return async () => {
        active.delete(rules)
        await told()
      }
    },
    clear: async () => {
      active.clear()
      await last
      // By a signal of its own: we also clear when we were interrupted.
      await callApi(url, { method: 'DELETE', path: '/_faults', headers }, AbortSignal.timeout(2000))
    },
  }
}

/** Whether the service has fault injection at all; undefined when it has, else why not. */
export async function checkFaultInjection(
  url: string,
  token: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const answer = await callApi(
    url,
    { path: '/_faults', headers: { authorization: `Bearer ${token}` } },
    signal,
  )
  if (answer.state === 'unreachable') return `the service at ${url}: ${answer.reason}`
  if (answer.status === 200) return undefined
  return `the service at ${url} has no fault injection (GET /_faults answered ${answer.status}): start it with FAULTS_TOKEN, which it refuses with NODE_ENV=production`
}
