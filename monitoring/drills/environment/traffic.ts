import { setTimeout as sleep } from 'node:timers/promises'
import { openConnections, sendRequest } from '../../../journeys/client/index.ts'
import type { SendResult } from '../../../journeys/client/index.ts'

export interface TrafficPlan {
  url: string
  /** Requests started per second, independent of the responses to earlier ones. */
  ratePerSecond: number
  /** Number of accounts that share the requests, so that none comes near its rate limit. */
  userCount: number
  /** Part of the accounts' email addresses. Differs between runs. */
  unique: string
  signal: AbortSignal
}

interface TrafficRequest {
  method: string
  path: string
  json?: unknown
  /** The account that sends the request, by number. */
  user?: number
  token?: string
}

/** Simulated users of the service. */
export interface Traffic {
  userCount: number
  /** Sends one request. */
  send: (request: TrafficRequest) => Promise<SendResult>
  /** Registers an account that sends no requests by itself. Returns its token. */
  registerUser: (name: string) => Promise<string>
  /** Calls `act` at a constant rate until the returned function is called. */
  actAtRate: (perSecond: number, act: (count: number) => Promise<unknown>) => () => Promise<void>
  register: (name: string) => Promise<SendResult>
  /** Logs in one of the accounts, by number. */
  login: (user: number) => Promise<SendResult>
  failLogin: (name: string) => Promise<SendResult>
  stop: () => Promise<void>
}

export type TrafficStarted = { state: 'ok'; traffic: Traffic } | { state: 'failed'; reason: string }

/** Longer than the service delays a request in any drill. */
const timeoutMs = 20_000
const maxConnections = 400
/**
 * How often each account logs in. Its token expires after 15 minutes of the wall clock, and all drills take
 * longer on a slow clock: then every request would be refused.
 */
const renewSeconds = 6 * 60
const password = 'drill-Drill-0815-password'

/** Registers the accounts and starts their requests: mostly lists, some new tasks. */
export async function startTraffic(plan: TrafficPlan): Promise<TrafficStarted> {
  const done = new AbortController()
  const signal = AbortSignal.any([done.signal, plan.signal])
  const connections = openConnections(maxConnections)
  const tokens: string[] = []
  const send = createSender(plan.url, tokens, connections, signal)
  const authenticate = async (path: string, name: string, secret: string): Promise<SendResult> =>
    send({ method: 'POST', path, json: { email: `${name}.${plan.unique}@drill.example`, password: secret } })
  const register: Traffic['register'] = async (name) => authenticate('/auth/register', name, password)
  // Four at a time: hashing a password occupies a processor.
  for (let user = 0; user < plan.userCount; user += 4) {
    const batch = await Promise.all(
      [0, 1, 2, 3].map(async (offset) => accessToken(await register(`user${user + offset}`))),
    )
    if (batch.includes(undefined)) {
      await connections.destroy()
      return {
        state: 'failed',
        reason: `the service at ${plan.url} did not register the accounts of the drills' traffic`,
      }
    }
    tokens.push(...batch.filter((token) => token !== undefined))
  }
  const actAtRate: Traffic['actAtRate'] = (perSecond, act) => startPacer(perSecond, act, signal)
  const stopUsers = actAtRate(plan.ratePerSecond, async (count) =>
    count % 10 === 0
      ? send({ method: 'POST', path: '/tasks', json: { title: `drill ${count}` }, user: count })
      : send({ method: 'GET', path: '/tasks', user: count }),
  )
  const login: Traffic['login'] = async (user) =>
    authenticate('/auth/login', `user${user % plan.userCount}`, password)
  const stopLogins = actAtRate(plan.userCount / renewSeconds, async (count) => {
    const token = accessToken(await login(count))
    // Without an answer the old one is still valid, and a later turn comes in time.
    if (token !== undefined) tokens[count % plan.userCount] = token
  })
  const traffic: Traffic = {
    userCount: plan.userCount,
    send,
    actAtRate,
    register,
    registerUser: async (name) => {
      const token = accessToken(await register(name))
      if (token === undefined) throw new Error(`the service did not register ${name}`)
      return token
    },
    login,
    failLogin: async (name) => authenticate('/auth/login', name, 'not-the-password-0815'),
    stop: async () => {
      done.abort()
      await Promise.all([stopUsers(), stopLogins()])
      await connections.destroy()
    },
  }
  return { state: 'ok', traffic }
}

function createSender(
  url: string,
  tokens: readonly string[],
  connections: ReturnType<typeof openConnections>,
  signal: AbortSignal,
): Traffic['send'] {
  return async ({ method, path, json, user, token: own }) => {
    const token = user === undefined ? own : tokens[user % Math.max(1, tokens.length)]
    const headers = {
      ...(json !== undefined && { 'content-type': 'application/json' }),
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
    }
    const body = json === undefined ? undefined : JSON.stringify(json)
    const limits = { timeoutMs, maxBodyBytes: 1024 * 1024, signal, purpose: 'drill' }
    return sendRequest(url, { method, path, headers, body }, limits, connections)
  }
}

/** Calls `act` at a constant rate, catches up after a delay, and does not wait for it to end. */
function startPacer(
  perSecond: number,
  act: (count: number) => Promise<unknown>,
  signal: AbortSignal,
): () => Promise<void> {
  const own = new AbortController()
  const stop = AbortSignal.any([own.signal, signal])
  const startedMs = performance.now()
  let count = 0
  const pacing = (async () => {
    while (!stop.aborted) {
      // At most one second's worth at the same time: a machine that was suspended must not send a burst.
      const due = Math.floor(((performance.now() - startedMs) / 1000) * perSecond)
      count = Math.max(count, due - Math.ceil(perSecond))
      for (; count < due; count += 1) void act(count)
      await sleep(Math.min(50, 1000 / perSecond), undefined, { signal: stop }).catch(() => undefined)
    }
  })()
  return async () => {
    own.abort()
    await pacing
  }
}

function accessToken(result: SendResult): string | undefined {
  const json = result.state === 'ok' ? result.response.json : undefined
  return typeof json === 'object' &&
    json !== null &&
    'accessToken' in json &&
    typeof json.accessToken === 'string'
    ? json.accessToken
    : undefined
}
