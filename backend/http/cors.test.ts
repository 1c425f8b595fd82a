import { describe, expect, test } from 'vitest'
import { startTestService } from '../testing/index.ts'
import { useTestService } from '../testing/fixture.ts'

const running = useTestService({
  CORS_ORIGINS: 'https://app.example.com,https://other.example.com',
})

const ask = {
  'access-control-request-method': 'PATCH',
  'access-control-request-headers': 'authorization,if-match',
}
const preflight = (origin: string) =>
  running.client.send('OPTIONS', '/tasks/01900000-0000-7000-8000-000000000000', undefined, { origin, ...ask })

describe('a page of an origin on the list', () => {
  test.each(['https://app.example.com', 'https://other.example.com'])(
    'may ask and read: %s',
    async (origin) => {
      const asked = await preflight(origin)
      expect([asked.status, asked.headers.get('access-control-allow-origin')]).toEqual([204, origin])
      expect(asked.headers.get('access-control-allow-methods')).toContain('PATCH')
      expect(asked.headers.get('access-control-allow-headers')).toMatch(/Authorization.*If-Match/)
      const answer = await running.client.get('/health', { origin })
      expect(answer.headers.get('access-control-allow-origin')).toBe(origin)
      expect(answer.headers.get('access-control-expose-headers')).toContain('ETag')
    },
  )

  test('may read refusals as well, and is never given cookies', async () => {
    for (const path of ['/tasks', '/nothing']) {
      const answer = await running.client.get(path, { origin: 'https://app.example.com' })
      expect(answer.headers.get('access-control-allow-origin')).toBe('https://app.example.com')
      expect(answer.headers.get('access-control-allow-credentials')).toBeNull()
    }
  })
})

describe('a page of any other origin', () => {
  test.each([
    'https://evil.example.com',
    'https://app.example.com.evil.com',
    'http://app.example.com',
    'https://app.example.com:8443',
    'null',
    '*',
  ])('may not: %s', async (origin) => {
    for (const answer of [await preflight(origin), await running.client.get('/health', { origin })]) {
      expect(answer.headers.get('access-control-allow-origin')).toBeNull()
      // A cache in between must not give this answer to a page that may read it.
      expect(answer.headers.get('vary')).toMatch(/^Origin\b/)
    }
  })
})

test('without a list no origin may, and answers have no CORS headers', async () => {
  const without = await startTestService(await running.newDatabase())
  const answer = await without.client.get('/health', { origin: 'https://app.example.com' })
  await without.stop()
  expect(
    [...answer.headers.keys()].filter((name) => name.startsWith('access-control') || name === 'vary'),
  ).toEqual([])
})
