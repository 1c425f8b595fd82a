import { describe, expect, test } from 'vitest'
import { toUtcDay, toFileName, findExpired } from './log-files.ts'

const day = '2026-11-24'

describe('a log file', () => {
  const lastDays = {
    application: ['2026-10-25', '2026-10-24'],
    security: ['2026-08-26', '2026-08-25'],
    audit: ['2025-11-23', '2025-11-22'],
    error: ['2026-05-24', '2026-05-23'],
  } as const
  const streams = ['application', 'security', 'audit', 'error'] as const
  test.each(streams)('of %s is there on its last day, and gone a day older', (stream) => {
    const [last, older] = lastDays[stream]
    expect(findExpired([toFileName(stream, last), toFileName(stream, older)], day)).toEqual([
      toFileName(stream, older),
    ])
  })

  test('of a day to come is kept: a clock was set back', () => {
    expect(findExpired(['application-2031-01-01.log'], day)).toEqual([])
  })

  test.each([
    'application-2020-01-01.log.gz',
    'xapplication-2020-01-01.log',
    'access-2020-01-01.log',
    'application-2020-02-30.log',
    'application-2020-1-1.log',
    'application.log',
    'application-2020-01-01.log\n',
    '../application-2020-01-01.log',
  ])('that is not ours is never touched: %j', (name) => {
    expect(findExpired([name], day)).toEqual([])
  })
})

test('a day is one of UTC', () => {
  expect([
    toUtcDay(Date.parse('2026-11-24T23:59:59.999Z')),
    toUtcDay(Date.parse('2026-11-25T01:00:00+02:00')),
  ]).toEqual(['2026-11-24', '2026-11-24'])
})
