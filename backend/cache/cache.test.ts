import { assert, constantFrom, integer, oneof, property, record, array, constant } from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ReplyCache } from './cache.ts'

const reply = (body: string) => ({ body, etag: undefined })

function enabledCache(maxEntries = 100, now = () => 0): ReplyCache {
  const cache = new ReplyCache(maxEntries, now)
  cache.setEnabled(true)
  return cache
}

describe('a cache of replies', () => {
  test('gives what was kept, until the user writes', () => {
    const cache = enabledCache()
    cache.finishRead(cache.beginRead('u', 'k'), reply('one'))
    expect(cache.get('u', 'k')?.body).toBe('one')
    cache.invalidate('u')
    expect(cache.get('u', 'k')).toBeUndefined()
  })

  test('does not keep what was read before a write that was announced meanwhile', () => {
    const cache = enabledCache()
    const reading = cache.beginRead('u', 'k')
    cache.invalidate('u')
    cache.finishRead(reading, reply('old'))
    expect(cache.get('u', 'k')).toBeUndefined()
  })

  test('keeps nothing while it is not enabled, and forgets everything when that changes', () => {
    const cache = enabledCache()
    cache.finishRead(cache.beginRead('u', 'k'), reply('one'))
    const across = cache.beginRead('v', 'k')
    cache.setEnabled(false)
    expect(cache.get('u', 'k')).toBeUndefined()
    cache.finishRead(cache.beginRead('u', 'k'), reply('two'))
    cache.setEnabled(true)
    cache.finishRead(across, reply('three'))
    expect([cache.get('u', 'k'), cache.get('v', 'k')]).toEqual([undefined, undefined])
  })

  test('forgets after 5 s', () => {
    let now = 0
    const cache = enabledCache(100, () => now)
    cache.finishRead(cache.beginRead('u', 'k'), reply('one'))
    now = 4999
    expect(cache.get('u', 'k')?.body).toBe('one')
    now = 5000
    expect(cache.get('u', 'k')).toBeUndefined()
  })

  test('holds no more than its number of entries', () => {
    const cache = enabledCache(3)
    for (const user of ['a', 'b', 'c', 'd', 'e']) cache.finishRead(cache.beginRead(user, 'k'), reply(user))
    expect(['a', 'b', 'c', 'd', 'e'].filter((user) => cache.get(user, 'k') !== undefined)).toEqual([
      'c',
      'd',
      'e',
    ])
  })

  test('whatever the order of reads and writes, a hit is the value of the last write', () => {
    const user = constantFrom('a', 'b')
    const step = oneof(
      record({ kind: constant('begin' as const), user }),
      record({ kind: constant('end' as const), index: integer({ min: 0, max: 5 }) }),
      record({ kind: constant('write' as const), user }),
      record({ kind: constant('look' as const), user }),
    )
    assert(
      property(array(step, { maxLength: 60 }), (steps) => {
        const cache = enabledCache()
        const stored = new Map([
          ['a', 0],
          ['b', 0],
        ])
        const looks: [string | undefined, string][] = []
        const open: { reading: ReturnType<ReplyCache['beginRead']>; value: string }[] = []
        for (const one of steps) {
          if (one.kind === 'begin')
            open.push({ reading: cache.beginRead(one.user, 'k'), value: String(stored.get(one.user)) })
          if (one.kind === 'end') {
            const [ended] = open.splice(one.index, 1)
            if (ended !== undefined) cache.finishRead(ended.reading, reply(ended.value))
          }
          if (one.kind === 'write') {
            stored.set(one.user, (stored.get(one.user) ?? 0) + 1)
            cache.invalidate(one.user)
          }
          if (one.kind === 'look') looks.push([cache.get(one.user, 'k')?.body, String(stored.get(one.user))])
        }
        expect(looks.filter(([found, last]) => found !== undefined && found !== last)).toEqual([])
      }),
    )
  })
})
