import pino from 'pino'
import { expect, test } from 'vitest'
import { createFailureLog } from './telemetry.ts'

function complaining() {
  const lines: Record<string, unknown>[] = []
  const clock = { ms: 0 }
  const log = pino(
    { base: null, messageKey: 'message' },
    { write: (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>) },
  )
  return { lines, clock, note: createFailureLog(log, () => clock.ms) }
}

test('the first failure is logged immediately, and those of the following minute are only counted', () => {
  const { lines, clock, note } = complaining()
  for (let at = 0; at < 60_000; at += 1000) {
    clock.ms = at
    note(new Error('down'))
  }
  expect(lines).toMatchObject([
    { message: 'telemetry was not delivered', stream: 'application', reason: 'down' },
  ])
  clock.ms = 60_000
  note(new Error('still down'))
  expect(lines[1]).toMatchObject({ reason: 'still down', failuresSince: 59 })
})

test('what a collector says is one bounded line, with its code before it', () => {
  const { lines, note } = complaining()
  note(Object.assign(new Error(`no\r\n\u001b[31m${'x'.repeat(5000)}`), { code: 500 }))
  expect(lines[0]?.['reason']).toMatch(/^500: no \[31mx{180,200}…$/)
})
