import { availableParallelism } from 'node:os'
import { setImmediate } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { Problem } from '../http/index.ts'
import { Passwords } from './passwords.ts'

test('a flood of logins leaves a core for others, and its end is refused immediately', async () => {
  const passwords = new Passwords()
  const held = Promise.withResolvers<void>()
  let running = 0
  // It ends each attempt before its expensive part.
  const attempt = (): Promise<boolean> =>
    passwords.verify(undefined, 'guess', async () => {
      running += 1
      await held.promise
      throw new Error('not this one')
    })
  const cores = Math.max(1, availableParallelism() - 1)
  const first = Array.from({ length: cores }, attempt)
  await setImmediate()
  const waiting = Array.from({ length: 100 }, attempt)
  await expect(attempt()).rejects.toEqual(
    new Problem('unavailable', {
      detail: 'Too many logins at the same time',
      headers: { 'retry-after': '2' },
    }),
  )
  expect(running).toBe(cores)
  held.resolve()
  const ended = await Promise.allSettled([...first, ...waiting])
  expect(ended.filter(({ status }) => status === 'fulfilled')).toEqual([])
  expect(running).toBe(cores + 100)
  await expect(attempt()).rejects.toThrow('not this one')
})
