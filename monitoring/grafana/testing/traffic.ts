import { setTimeout as sleep } from 'node:timers/promises'
import { request } from 'undici'
import { z } from 'zod'
import { Agents } from './agents.ts'

/** The minimum duration of a round: a faster round waits for the remaining time. */
const roundMs = 1000
const timeoutMs = 10_000
const password = 'a password of a test'

interface DashboardData {
  status: number
  json: unknown
}

/** Users of the todo API who cause everything that it counts, success and failure, until `stop` is called. */
export interface Traffic {
  stop: () => Promise<void>
}

/**
 * @param abuse concurrent requests from one address, from time to time: more than its limit allows
 */
export function startTraffic(url: string, faultsToken: string, abuse: number): Traffic {
  const end = new AbortController()
  const done = live({ url, faultsToken, abuse }, end.signal)
  return {
    stop: async () => {
      end.abort()
      await done
    },
  }
}

interface Place {
  url: string
  faultsToken: string
  abuse: number
}

interface World extends Place {
  round: number
  agents: Agents
}

async function live(place: Place, signal: AbortSignal): Promise<void> {
  for (let round = 0; !signal.aborted; round += 1) {
    const began = performance.now()
    const agents = new Agents()
    const now = { ...place, round, agents }
    const users = 1 + Math.round(1 + Math.sin(round / 12))
    await Promise.all([
      ...Array.from({ length: users }, () => userAtWork(now)),
      forgetful(now),
      intruder(now),
    ])
    if (round % 8 === 1)
      await Promise.all(
        Array.from({ length: place.abuse }, () =>
          send(now, 'POST', '/auth/refresh', { refreshToken: 'nothing' }, undefined, '127.66.6.6'),
        ),
      )
    if (round === 2) await vandalise(now)
    if (round % 5 === 2) await breakSomething(now)
    await agents.close()
    await sleep(Math.max(0, roundMs - (performance.now() - began)), undefined, { signal }).catch(
      () => undefined,
    )
  }
}

/** Uses tasks, files and bulk operations. */
async function userAtWork(world: World): Promise<void> {
  const token = await register(world, address(world, 1))
  const as = (method: Method, path: string, body?: unknown) => send(world, method, path, body, token)
  await as('POST', '/exports', { format: world.round % 2 === 0 ? 'json' : 'csv' })
  await as('POST', '/imports', [{ title: 'imported' }])
  for (let turn = 0; turn < 6; turn += 1) {
    const id = idOf(await as('POST', '/tasks', { title: `task ${turn}` }))
    await as('GET', `/tasks/${id}`)
    await as('GET', `/tasks/${id}`)
    await as('GET', '/tasks?limit=20')
    await as('PATCH', `/tasks/${id}`, { status: 'in_progress' })
    if (turn % 2 === 0) await as('DELETE', `/tasks/${id}`)
  }
  await as('POST', '/tasks/bulk', {
    create: Array.from({ length: 5 + (world.round % 40) }, (_, index) => ({ title: `bulk ${index}` })),
  })
  if (world.round % 4 === 3) await as('POST', '/imports', [{ title: '' }])
}

/** Mistypes a password until the account is locked, and uses a session twice. */
async function forgetful(world: World): Promise<void> {
  if (world.round % 3 !== 0) return
  const email = `${crypto.randomUUID()}@example.com`
  const from = address(world, 2)
  const { json } = await send(world, 'POST', '/auth/register', { email, password }, undefined, from)
  const registered = session.safeParse(json)
  // Registration fails while the database is down.
  if (!registered.success) return
  const { refreshToken } = registered.data
  for (let attempt = 0; attempt < 7; attempt += 1)
    await send(world, 'POST', '/auth/login', { email, password: `wrong ${attempt}` }, undefined, from)
  for (let use = 0; use < 2; use += 1)
    await send(world, 'POST', '/auth/refresh', { refreshToken }, undefined, from)
}

/** Asks for what belongs to others, without a token and with forged ones. */
async function intruder(world: World): Promise<void> {
  const [victim, thief] = [await register(world, address(world, 3)), await register(world, address(world, 4))]
  const id = idOf(await send(world, 'POST', '/tasks', { title: 'mine' }, victim))
  await send(world, 'GET', `/tasks/${id}`, undefined, thief)
  await send(world, 'GET', `/tasks/${id}`)
  await send(world, 'GET', `/tasks/${id}`, undefined, 'eyJhbGciOiJub25lIn0.e30.')
  await send(world, 'GET', '/nowhere')
}

/** Every operation without a token, and with one but nonsense. */
async function vandalise(world: World): Promise<void> {
  const { paths } = z
    .object({ paths: z.record(z.string(), z.record(z.string(), z.unknown())) })
    .parse((await send(world, 'GET', '/openapi.json')).json)
  const token = await register(world, address(world, 5))
  for (const [path, operations] of Object.entries(paths)) {
    const concrete = path.replaceAll(/\{\w+\}/g, 'no-such-id')
    for (const method of methods.filter((name) => Object.hasOwn(operations, name.toLowerCase()))) {
      await send(world, method, concrete)
      // Alone on its account: what ends it comes last.
      if (concrete !== '/auth/me')
        await Promise.all(
          [{ title: '' }, [1], 'no object'].map((body) =>
            send(world, method, concrete, method === 'GET' ? undefined : body, token),
          ),
        )
    }
  }
}

/** Part of the answers fail, and some are slow, for three seconds; the database is lost for one. */
async function breakSomething(world: World): Promise<void> {
  const rules =
    world.round % 10 === 2
      ? [
          { route: 'GET /tasks', status: 503, ratio: 0.2 },
          { route: 'GET /tasks/:id', latencyMs: 150, ratio: 0.3 },
        ]
      : [{ dbDown: true, ratio: 0.05 }]
  await send(world, 'PUT', '/_faults', { rules, ttlSeconds: 3 }, world.faultsToken)
}

const session = z.object({ accessToken: z.string(), refreshToken: z.string() })

async function register(world: World, from: string): Promise<string> {
  const answer = await send(
    world,
    'POST',
    '/auth/register',
    { email: `${crypto.randomUUID()}@example.com`, password },
    undefined,
    from,
  )
  const parsed = session.safeParse(answer.json)
  // While the database is down, logins fail; the API rejects later requests, which is also traffic.
  return parsed.success ? parsed.data.accessToken : 'none'
}

function idOf({ json }: DashboardData): string {
  const parsed = z.object({ id: z.string() }).safeParse(json)
  return parsed.success ? parsed.data.id : '01900000-0000-7000-8000-000000000000'
}

// An address of its own for each part and round, or the limit for logins would end the day early. All of
// 127.0.0.0/8 is this machine.
function address({ round }: World, part: number): string {
  return `127.51.${part}.${1 + (round % 250)}`
}

export async function send(
  { url, agents }: Pick<World, 'url' | 'agents'>,
  method: Method,
  path: string,
  body?: unknown,
  token?: string,
  from = '127.0.0.1',
): Promise<DashboardData> {
  const headers = {
    ...(body !== undefined && { 'content-type': 'application/json' }),
    ...(token !== undefined && { authorization: `Bearer ${token}` }),
  }
  try {
    const response = await request(`${url}${path}`, {
      method,
      headers,
      dispatcher: agents.forAddress(from),
      signal: AbortSignal.timeout(timeoutMs),
      body: body === undefined ? null : JSON.stringify(body),
    })
    const text = await response.body.text()
    return { status: response.statusCode, json: text.startsWith('{') ? JSON.parse(text) : undefined }
  } catch (error) {
    // A user whose request takes too long, or whose server has just ended, goes on with the day.
    return { status: 0, json: String(error) }
  }
}

const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const
type Method = (typeof methods)[number]
