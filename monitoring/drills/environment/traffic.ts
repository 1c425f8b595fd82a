import { setTimeout as sleep } from 'node:timers/promises'
import { connections, sendRequest } from '../../../journeys/client/index.ts'
import type { SendResult } from '../../../journeys/client/index.ts'

export interface TrafficPlan {
  url: string
  /** Requests started per second, whatever becomes of those before. */
  ratePerSecond: number
  /** Accounts that it is spread over, so that none comes near its rate limit. */
  users: number
  /** Part of the accounts' addresses, differing for each run. */
  unique: string
  signal: AbortSignal
}

/** People using the service, as far as alerts can tell. */
export interface Traffic {
  users: number
  /** Sends one request; its answer or what became of it. */
  send: (request: {
    method: string
    path: string
    json?: unknown
    user?: number
    token?: string
  }) => Promise<SendResult>
  /** Registers somebody who does nothing by himself; his token. */
  registerUser: (name: string) => Promise<string>
  /** Does something so many times a second until the returned function is called. */
  actAtRate: (perSecond: number, act: (count: number) => Promise<unknown>) => () => Promise<void>
  register: (name: string) => Promise<SendResult>
  failLogin: (name: string) => Promise<SendResult>
  stop: () => Promise<void>
}

export type TrafficStarted = { state: 'started'; traffic: Traffic } | { state: 'failed'; reason: string }

/** Longer than the service holds a request up in any drill. */
const patienceMs = 20_000
const mostConnections = 400
const password = 'drill-Drill-0815-password'

/** Registers the accounts and begins: mostly lists, some new tasks. */
export async function startTraffic(plan: TrafficPlan): Promise<TrafficStarted> {
  const done = new AbortController()
  const signal = AbortSignal.any([done.signal, plan.signal])
  const dispatcher = connections(mostConnections)
  const tokens: string[] = []
  const send: Traffic['send'] = async ({ method, path, json, user, token: own }) => {
    const token = user === undefined ? own : tokens[user % Math.max(1, tokens.length)]
    const headers = {
      ...(json !== undefined && { 'content-type': 'application/json' }),
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
    }
    return sendRequest(
      plan.url,
      { method, path, headers, body: json === undefined ? undefined : JSON.stringify(json) },
      { timeoutMs: patienceMs, maxBodyBytes: 1024 * 1024, signal },
      dispatcher,
    )
  }
  const register: Traffic['register'] = async (name) =>
    send({
      method: 'POST',
      path: '/auth/register',
      json: { email: `${name}.${plan.unique}@drill.example`, password },
    })
  // Four at a time: hashing a password keeps a processor busy.
  for (let user = 0; user < plan.users; user += 4) {
    const made = await Promise.all(
      [0, 1, 2, 3].map(async (more) => tokenOf(await register(`user${user + more}`))),
    )
    const flaw = made.includes(undefined)
    if (flaw) {
      await dispatcher.destroy()
      return {
        state: 'failed',
        reason: `the service at ${plan.url} did not register the accounts of the drills' traffic`,
      }
    }
    tokens.push(...made.filter((token) => token !== undefined))
  }
  const keepOn: Traffic['actAtRate'] = (perSecond, act) => pacer(perSecond, act, signal)
  const stopUse = keepOn(plan.ratePerSecond, async (count) =>
    count % 10 === 0
      ? send({ method: 'POST', path: '/tasks', json: { title: `drill ${count}` }, user: count })
      : send({ method: 'GET', path: '/tasks', user: count }),
  )
  const traffic: Traffic = {
    users: plan.users,
    send,
    actAtRate: keepOn,
    register,
    registerUser: async (name) => {
      const token = tokenOf(await register(name))
      if (token === undefined) throw new Error(`the service did not register ${name}`)
      return token
    },
    failLogin: async (name) =>
      send({
        method: 'POST',
        path: '/auth/login',
        json: { email: `${name}.${plan.unique}@drill.example`, password: 'not-the-password-0815' },
      }),
    stop: async () => {
      done.abort()
      await stopUse()
      await dispatcher.destroy()
    },
  }
  return { state: 'started', traffic }
}

/** Starts `act` at a steady rate, catching up when it was held up, and never waits for it but at the end. */
function pacer(
  perSecond: number,
  act: (count: number) => Promise<unknown>,
  signal: AbortSignal,
): () => Promise<void> {
  const own = new AbortController()
  const stop = AbortSignal.any([own.signal, signal])
  const running = new Set<Promise<unknown>>()
  const began = performance.now()
  let count = 0
  const pacing = (async () => {
    while (!stop.aborted) {
      // At most a second's worth at once: a machine that slept must not answer with a storm.
      const due = Math.floor(((performance.now() - began) / 1000) * perSecond)
      count = Math.max(count, due - Math.ceil(perSecond))
      for (; count < due; count += 1) {
        const one: Promise<unknown> = act(count).finally(() => running.delete(one))
        running.add(one)
      }
      await sleep(Math.min(50, 1000 / perSecond), undefined, { signal: stop }).catch(() => undefined)
    }
  })()
  return async () => {
    own.abort()
    await pacing
  }
}

function tokenOf(result: SendResult): string | undefined {
  const json = result.state === 'answered' ? result.response.json : undefined
  return typeof json === 'object' &&
    json !== null &&
    'accessToken' in json &&
    typeof json.accessToken === 'string'
    ? json.accessToken
    : undefined
}
