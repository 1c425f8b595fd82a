import { describe, expect, it } from 'vitest'
import { explainFetchError, readBounded } from './index.ts'

describe('an answer to fetch', () => {
  it('is read up to its limit in bytes, and no further', async () => {
    const read = async (maxBytes: number): Promise<string> =>
      readBounded(new Response('größer'), maxBytes, 'too much')
    expect(await read(8)).toBe('größer')
    await expect(read(7)).rejects.toThrow('too much')
  })

  it('is empty without a body', async () => {
    expect(await readBounded(new Response(null, { status: 204 }), 1, 'too much')).toBe('')
  })
})

it('a failed fetch is explained by its innermost causes, of every address', () => {
  const refused = ['::1', '127.0.0.1'].map((address) => new Error(`connect ECONNREFUSED ${address}`))
  expect(explainFetchError(new TypeError('fetch failed', { cause: new AggregateError(refused) }))).toBe(
    'connect ECONNREFUSED ::1; connect ECONNREFUSED 127.0.0.1',
  )
  expect(explainFetchError(new TypeError('fetch failed', { cause: new Error('other side closed') }))).toBe(
    'other side closed',
  )
})
