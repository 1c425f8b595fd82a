import { array, assert, asyncProperty, constant, constantFrom, integer, oneof, record } from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ReplyCache } from './cache.ts'
import type { CachedReply } from './cache.ts'

const reply = (body: string) => ({ body, headers: {} })
const options = { maxEntries: 100, now: () => 0, isEnabled: () => true }
const keep = (cache: ReplyCache, user: string, body: string, key = 'k') =>
  cache.read(user, key, () => Promise.resolve(reply(body)))

describe('a cache of replies', () => {
  test('returns what was read, until the user writes', async () => {
    const cache = new ReplyCache(options)
    await Promise.all([keep(cache, 'u', 'one'), keep(cache, 'v', 'other')])
    expect(cache.get('u', 'k')?.body).toBe('one')
    cache.invalidate('u')
    expect([cache.get('u', 'k'), cache.get('v', 'k')?.body]).toEqual([undefined, 'other'])
  })

  test('keeps nothing while it is not enabled, and forgets everything when that changes', async () => {
    let isEnabled = true
    const cache = new ReplyCache({ ...options, isEnabled: () => isEnabled })
    await keep(cache, 'u', 'one')
    const across = Promise.withResolvers<CachedReply>()
    const reading = cache.read('v', 'k', () => across.promise)
    isEnabled = false
    expect(cache.get('u', 'k')).toBeUndefined()
    await keep(cache, 'u', 'two')
    expect(cache.get('u', 'k')).toBeUndefined()
    isEnabled = true
    across.resolve(reply('three'))
    await reading
    expect(cache.get('v', 'k')).toBeUndefined()
  })

  test('forgets within a second, also what was read across its end', async () => {
    let now = 5000
    const cache = new ReplyCache({ ...options, now: () => now })
    await keep(cache, 'u', 'one')
    now = 5999
    expect(cache.get('u', 'k')?.body).toBe('one')
    const across = Promise.withResolvers<CachedReply>()
    const reading = cache.read('v', 'k', () => across.promise)
    now = 6000
    expect(cache.get('u', 'k')).toBeUndefined()
    across.resolve(reply('old'))
    await reading
    expect(cache.get('v', 'k')).toBeUndefined()
  })

  test('holds no more than its number of replies, nor replies of 64 MiB', async () => {
    const small = new ReplyCache({ ...options, maxEntries: 3 })
    for (const user of ['a', 'b', 'c', 'd']) await keep(small, user, user)
    expect(['a', 'b', 'c', 'd'].map((user) => small.get(user, 'k')?.body)).toEqual(['a', 'b', 'c', undefined])
    const large = new ReplyCache({ ...options, maxEntries: 1000 })
    const body = 'x'.repeat(256 * 1024)
    for (let user = 0; user <= 256; user += 1) await keep(large, String(user), body)
    await keep(large, 'huge', `${body}x`)
    expect([large.get('255', 'k')?.body, large.get('256', 'k'), large.get('huge', 'k')]).toEqual([
      body,
      undefined,
      undefined,
    ])
  })

  test('whatever the order of reads and writes, a hit is the value of the last write', async () => {
    const user = constantFrom('a', 'b')
    const step = oneof(
      record({ kind: constant('begin' as const), user }),
      record({ kind: constant('end' as const), index: integer({ min: 0, max: 5 }) }),
      record({ kind: constant('write' as const), user }),
      record({ kind: constant('get' as const), user }),
    )
    await assert(
      asyncProperty(array(step, { maxLength: 60 }), async (steps) => {
        const cache = new ReplyCache(options)
        const stored = new Map([
          ['a', 0],
          ['b', 0],
        ])
        const hits: [string, string][] = []
        const open: { finish: () => void; reading: Promise<unknown> }[] = []
        for (const one of steps) {
          if (one.kind === 'begin') {
            const read = Promise.withResolvers<CachedReply>()
            const value = String(stored.get(one.user))
            const reading = cache.read(one.user, 'k', () => read.promise)
            open.push({ reading, finish: () => read.resolve(reply(value)) })
          }
          if (one.kind === 'end') {
            const [ended] = open.splice(one.index, 1)
            ended?.finish()
            await ended?.reading
          }
          if (one.kind === 'write') {
            stored.set(one.user, (stored.get(one.user) ?? 0) + 1)
            cache.invalidate(one.user)
          }
          const found = one.kind === 'get' ? cache.get(one.user, 'k')?.body : undefined
          if (one.kind === 'get' && found !== undefined) hits.push([found, String(stored.get(one.user))])
        }
        expect(hits.filter(([found, last]) => found !== last)).toEqual([])
      }),
    )
  })
})
