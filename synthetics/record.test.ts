import { expect, it } from 'vitest'
import { parseRun, parseProbes } from '../record/documents/index.ts'
import type { ProbesReport } from '../record/index.ts'
import { toProbeRecord } from './probes.ts'

const report: ProbesReport = {
  schema: 'vigil.probes/1',
  probes: [
    {
      name: 'quick',
      outcome: 'up',
      startedAt: '2026-11-24T00:00:00.000Z',
      durationMs: 5,
      attempts: 1,
      steps: [{ step: 'get', ok: true, status: 200, durationMs: 5 }],
    },
    {
      name: 'other',
      outcome: 'down',
      startedAt: '2026-11-24T00:00:01.000Z',
      durationMs: 3,
      attempts: 2,
      message: 'get failed',
      steps: [{ step: 'get', ok: false, status: 0, durationMs: 3, class: 'connect', message: 'refused' }],
    },
  ],
}
const facts = {
  id: '20261124-000000-000-probe-k3f9',
  startedAt: '2026-11-24T00:00:00.000Z',
  durationMs: 100,
  target: { url: 'http://127.0.0.1:1' },
  environment: { fingerprint: 'f' },
}

it('a run of probes is a whole run record: steps by journey, failures with their class', () => {
  const run = toProbeRecord(report, () => 'home', facts)
  expect(parseRun(JSON.stringify(run), 'record.json')).toEqual({ state: 'ok', run })
  expect(run.endpoints['home/get']).toMatchObject({ requests: 2, errors: 1, histogram: [[5, 1]] })
  expect(run.failures).toEqual([{ step: 'home/get', class: 'connect', count: 1, example: 'refused' }])
  expect(run.validity).toEqual({ valid: true, reasons: [] })
})

it('is not valid where a probe is unknown, nor where none was run', () => {
  const unknown: ProbesReport = {
    schema: 'vigil.probes/1',
    probes: [
      {
        name: 'it',
        outcome: 'unknown',
        startedAt: facts.startedAt,
        durationMs: 0,
        attempts: 0,
        steps: [],
        message: 'not run',
      },
    ],
  }
  expect(toProbeRecord(unknown, () => undefined, facts).validity).toEqual({
    valid: false,
    reasons: ['probe it is unknown: not run'],
  })
  expect(toProbeRecord({ schema: 'vigil.probes/1', probes: [] }, () => undefined, facts).validity).toEqual({
    valid: false,
    reasons: ['no probe was run'],
  })
})

it(
  'what probes found is read back as it was written, and refused with its place when it is something ' +
    'else',
  () => {
    expect(parseProbes(JSON.stringify(report), 'probes.json')).toEqual({ state: 'ok', report })
    expect(parseProbes('{"schema":"vigil.probes/2","probes":[]}', 'probes.json')).toMatchObject({
      state: 'invalid',
      problem: expect.stringContaining('probes.json: schema: '),
    })
    expect(parseProbes('{', 'probes.json')).toEqual({
      state: 'invalid',
      problem: 'probes.json: expected a vigil.probes/1 document, got text that is not JSON',
    })
  },
)
