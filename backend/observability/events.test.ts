import { readFile } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { createScope } from '../http/index.ts'
import { auditEvents, createEvents, securityEvents } from './events.ts'
import { createLog } from './logs.ts'
import type { LogOptions } from './logs.ts'

const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8')

function documented(name: string): Record<string, string> {
  const [, after = ''] = readme.split(`<!-- ${name}:`)
  const [table = ''] = after.split('\n\n', 1)
  return Object.fromEntries(
    [...table.matchAll(/^\| `([^`]+)` \| ([^|]+) \|$/gm)].map((row) => [row[1], row[2]]),
  )
}

function readLines(
  level: LogOptions['level'],
  write: (events: ReturnType<typeof createEvents>) => void,
): Record<string, unknown>[] {
  let written = ''
  const { log } = createLog({
    level,
    now: () => 0,
    output: { write: (lines) => (written += lines), flush: () => undefined, flushSync: () => undefined },
  })
  write(createEvents(log))
  return written
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Record<string, unknown>)
}

describe('the documented events', () => {
  test('are those of the code', () => {
    expect(documented('securityEvents')).toEqual(securityEvents)
    expect(documented('auditEvents')).toEqual(auditEvents)
  })
})

describe('an event', () => {
  const scope = createScope({
    method: 'POST',
    requestId: 'r-1',
    traceparent: undefined,
    address: '192.0.2.7',
  })
  scope.route = '/auth/login'
  scope.principal = { userId: 'u-1', sessionId: 's-1' }

  test('says what, who, where from and in which request, in the stream of its kind', () => {
    const lines = readLines('info', (events) => {
      events.security('auth.login.failed', scope, { reason: 'wrong_password' })
      events.audit('user.logged_in', scope)
    })
    const about = {
      timestamp: '1970-01-01T00:00:00.000Z',
      requestId: 'r-1',
      traceId: scope.traceId,
      userId: 'u-1',
      address: '192.0.2.7',
      endpoint: 'POST /auth/login',
      responseTimeMs: expect.any(Number),
    }
    expect(lines).toEqual([
      {
        ...about,
        level: 'warn',
        stream: 'security',
        event: 'auth.login.failed',
        message: securityEvents['auth.login.failed'],
        reason: 'wrong_password',
      },
      {
        ...about,
        level: 'info',
        stream: 'audit',
        event: 'user.logged_in',
        message: auditEvents['user.logged_in'],
      },
    ])
  })

  test.each([
    ['error', 2],
    ['fatal', 2],
    ['silent', 0],
  ] as const)('is written whatever the level, but %s: %i', (level, count) => {
    const lines = readLines(level, (events) => {
      events.security('faults.changed', undefined)
      events.audit('user.deleted', undefined)
    })
    expect(lines).toHaveLength(count)
  })
})
