import fc from 'fast-check'
import { expect, it } from 'vitest'
import { failureClasses } from '../record/index.ts'
import { toHistoryEntry, parseEntry } from './history/store.ts'
import type { ProbeResult } from '../record/index.ts'
import { parseProbes } from '../record/documents/index.ts'

const failureClass = fc.constantFrom(...failureClasses)
// As JSON has them: −0 is written as 0.
const number = fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0)

const probeResult: fc.Arbitrary<ProbeResult> = fc.record(
  {
    name: fc.string(),
    outcome: fc.constantFrom('up', 'degraded', 'down', 'unknown'),
    startedAt: fc
      .date({ min: new Date(0), max: new Date('9999-12-31'), noInvalidDate: true })
      .map((date) => date.toISOString()),
    durationMs: number,
    attempts: fc.nat(),
    earlier: fc.array(fc.record({ step: fc.string(), class: failureClass, message: fc.string() })),
    steps: fc.array(
      fc.record(
        {
          step: fc.string(),
          ok: fc.boolean(),
          status: fc.nat(),
          durationMs: number,
          class: failureClass,
          message: fc.string(),
        },
        { requiredKeys: ['step', 'ok', 'status', 'durationMs'] },
      ),
    ),
    message: fc.string(),
  },
  { requiredKeys: ['name', 'outcome', 'startedAt', 'durationMs', 'attempts', 'steps'] },
)

it('a probes document is read back with everything that was written', () => {
  fc.assert(
    fc.property(fc.array(probeResult), (probes) => {
      const report = { schema: 'vigil.probes/1' as const, probes }
      expect(parseProbes(JSON.stringify(report), 'probes.json')).toEqual({ state: 'ok', report })
    }),
  )
})

it('a history entry is read back with everything that was written', () => {
  fc.assert(
    fc.property(probeResult, fc.option(number), (result, holdsUntilMs) => {
      const entry = toHistoryEntry(result, 'http://127.0.0.1:8000', holdsUntilMs)
      expect(parseEntry(JSON.stringify(entry))).toEqual(entry)
    }),
  )
})

it('keeps fields that a later version added', () => {
  const result = {
    name: 'health',
    outcome: 'down' as const,
    startedAt: '2026-11-24T00:00:00.000Z',
    durationMs: 3,
    attempts: 2,
    region: 'eu',
    earlier: [{ step: 'get', class: 'connect' as const, message: 'refused', address: '10.0.0.1' }],
    steps: [{ step: 'get', ok: true, status: 200, durationMs: 3, bytes: 12 }],
  }
  const report = { schema: 'vigil.probes/1', prober: 'a', probes: [result] }
  expect(parseProbes(JSON.stringify(report), 'probes.json')).toEqual({ state: 'ok', report })
  const entry = toHistoryEntry(result, 'http://127.0.0.1:8000', null)
  expect(parseEntry(JSON.stringify(entry))).toEqual(entry)
})
