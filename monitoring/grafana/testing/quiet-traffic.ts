import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { Agents } from './agents.ts'
import { send } from './traffic.ts'
import type { Traffic } from './traffic.ts'

const password = 'a password of a test'
const userCount = 40
/** Below the 15 minutes in which a token expires. */
const tokenMs = 5 * 60_000
const answer = z.object({ accessToken: z.string() })

interface User {
  email: string
  token: string
  issuedMs: number
}

/**
 * Users without an attacker among them, for pictures of a service that works: more and fewer of them, in
 * waves of some minutes.
 */
export function startQuietTraffic(url: string): Traffic {
  const end = new AbortController()
  const done = run(url, end.signal)
  return {
    stop: async () => {
      end.abort()
      await done
    },
  }
}

async function run(url: string, signal: AbortSignal): Promise<void> {
  const place = { url, agents: new Agents() }
  const users = new Map<number, User>()
  const waiting = new Set<Promise<void>>()
  for (let round = 0; !signal.aborted; round += 1) {
    const perSecond = 5 + 3 * Math.sin(round / 400)
    const one = act(place, users, round).finally(() => waiting.delete(one))
    waiting.add(one)
    await sleep(1000 / perSecond, undefined, { signal }).catch(() => undefined)
  }
  await Promise.all(waiting)
  await place.agents.close()
}

type Place = Parameters<typeof send>[0]

/** A user looks at tasks, changes one, and from time to time exports them or mistypes the password. */
async function act(place: Place, users: Map<number, User>, round: number): Promise<void> {
  const number = round % userCount
  const from = `127.52.0.${number + 1}`
  const user = users.get(number)
  const token =
    user === undefined || performance.now() - user.issuedMs > tokenMs
      ? await logIn(place, users, number, from)
      : user.token
  if (token === undefined) return
  const as = (method: Parameters<typeof send>[1], path: string, body?: unknown) =>
    send(place, method, path, body, token, from)
  await as('GET', '/tasks?limit=20')
  if (round % 3 === 0) {
    const created = z
      .object({ id: z.string() })
      .safeParse((await as('POST', '/tasks', { title: `task ${round}` })).json)
    if (!created.success) return
    await as('GET', `/tasks/${created.data.id}`)
    await as('PATCH', `/tasks/${created.data.id}`, { status: 'in_progress' })
  }
  if (round % 50 === 7) await as('POST', '/exports', { format: 'csv' })
  if (round % 90 === 11) await as('POST', '/imports', [{ title: 'imported' }])
  if (round % 70 === 13) await as('POST', '/tasks/bulk', { create: [{ title: 'one' }, { title: 'two' }] })
  if (round % 130 === 17)
    await send(place, 'POST', '/auth/login', { email: user?.email, password: 'mistyped' }, undefined, from)
}

async function logIn(
  place: Place,
  users: Map<number, User>,
  number: number,
  from: string,
): Promise<string | undefined> {
  const known = users.get(number)
  const email = known?.email ?? `${crypto.randomUUID()}@example.com`
  const path = known === undefined ? '/auth/register' : '/auth/login'
  const { json } = await send(place, 'POST', path, { email, password }, undefined, from)
  const session = answer.safeParse(json)
  // Not while the database is down: the next turn tries again.
  if (!session.success) return known?.token
  users.set(number, { email, token: session.data.accessToken, issuedMs: performance.now() })
  return session.data.accessToken
}
