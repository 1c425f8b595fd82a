import { callApi } from '../observation/apis.ts'

/** A rule of the service's own fault injection (`PUT /_faults`). The service validates it. */
export type FaultRule = Readonly<Record<string, string | number | boolean>>

/** Switches the service's faults. Several drills have their own rules; the service gets the union. */
export interface FaultInjection {
  /**
   * Adds rules to those of other drills. Returns how to remove them. Throws when the service rejects them.
   */
  add: (rules: readonly FaultRule[]) => Promise<() => Promise<void>>
  /** Removes all rules. */
  clear: () => Promise<void>
}

/** Faults expire after this time, in case our process is killed. Each change restarts the time. */
const ttlSeconds = 180

export function createFaultInjection(url: string, token: string, signal: AbortSignal): FaultInjection {
  const active = new Set<readonly FaultRule[]>()
  let last: Promise<string | undefined> = Promise.resolve(undefined)
  const headers = { authorization: `Bearer ${token}` }
  const putRules = async (): Promise<string | undefined> => {
    const json = { rules: [...active].flat(), ttlSeconds }
    const response = await callApi(url, { method: 'PUT', path: '/_faults', headers, json }, signal)
    if (response.state === 'unavailable')
      return `the service's faults could not be changed: ${response.reason}`
    return response.status < 300
      ? undefined
      : `the service rejected a fault: ${response.status} ${response.text.slice(0, 300)}`
  }
  // One after the other: each request has all rules, and an older request must not arrive last.
  const update = async (): Promise<string | undefined> => {
    last = last.then(putRules)
    return last
  }
  return {
    add: async (rules) => {
      active.add(rules)
      const problem = await update()
      if (problem !== undefined) {
        active.delete(rules)
        throw new Error(problem)
      }
      return async () => {
        active.delete(rules)
        await update()
      }
    },
    clear: async () => {
      active.clear()
      await last
      // With its own signal: an interrupted run clears the faults, too.
      await callApi(url, { method: 'DELETE', path: '/_faults', headers }, AbortSignal.timeout(2000))
    },
  }
}

/** Why the service has no fault injection. Undefined when it has. */
export async function checkFaultInjection(
  url: string,
  token: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const headers = { authorization: `Bearer ${token}` }
  const response = await callApi(url, { path: '/_faults', headers }, signal)
  if (response.state === 'unavailable') return `the service at ${url}: ${response.reason}`
  if (response.status === 200) return undefined
  return (
    `the service at ${url} has no fault injection (GET /_faults returned ${response.status}): ` +
    'start it with FAULTS_TOKEN, which it rejects with NODE_ENV=production'
  )
}
