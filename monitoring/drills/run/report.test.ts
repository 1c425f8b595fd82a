import { describe, expect, it } from 'vitest'
import { readXml } from '../../../reports/junit/testing/read-xml.ts'
import type { DrillResult } from '../table/drill.ts'
import type { DrillsReport } from './run-drills.ts'
import { drillsDocument, drillsJunit, drillsText, judgeDrills } from './report.ts'

const passed: DrillResult = {
  requirement: 'C1',
  alert: 'Slow',
  fault: 'it is slow',
  state: 'passed',
  fireSeconds: 9.3,
  deliverSeconds: 0.1,
  resolveSeconds: 4,
  deliveredTo: ['pagerduty on_call', 'sms arn:aws:sns:x:1:todo'],
  escalatedTo: [],
  inhibited: [],
  events: [],
  messages: [],
}
const lost: DrillResult = {
  requirement: 'H2',
  alert: 'Errors',
  fault: 'it fails',
  state: 'failed',
  hop: 'receiver',
  why: 'it responded 400 <"bad">',
  deliveredTo: [],
  escalatedTo: [],
  inhibited: [],
  events: [],
  messages: [],
}
const report = (change: Partial<DrillsReport> = {}): DrillsReport => ({
  results: [lost, passed],
  unexpected: [],
  problems: [],
  seconds: 42,
  messages: [],
  ...change,
})

describe('the report of drills', () => {
  it.each([
    ['all delivered', report({ results: [passed] }), 'pass'],
    ['one lost', report(), 'fail'],
    ['an unexpected one', report({ results: [passed], unexpected: ['x'] }), 'fail'],
    ['an unreliable environment', report({ problems: ['Prometheus does not evaluate'] }), 'invalid'],
    ['interrupted', report({ results: [{ ...passed, state: 'interrupted' }] }), 'invalid'],
    ['none at all', report({ results: [] }), 'invalid'],
  ])('%s', (_, drills, verdict) => expect(judgeDrills(drills)).toBe(verdict))

  it('is a table by requirement, with the lost alerts and the reasons below', () => {
    expect(
      drillsText(report({ results: [lost, { ...passed, standIn: 'a part is simulated' }] }), 60, 160),
    ).toBe(
      [
        'alert      fires s  delivered s  escalated s  resolved s  to',
        'C1 Slow *      9.3          0.1                      4.0  pagerduty on_call, sms todo  pass',
        'H2 Errors                                                                           ' +
          '   LOST at receiver',
        '',
        'H2 Errors: lost at receiver: it responded 400 <"bad">',
        '',
        '* C1 Slow: a part is simulated',
        '',
        "1 of 2 drills delivered in 42 s, on a clock 60 times as fast as production's: a minute is 1 s.",
        '',
      ].join('\n'),
    )
  })

  it('is JUnit with a failure for each lost alert', () => {
    const xml = readXml(drillsJunit(report({ unexpected: ['Down was delivered'], problems: ['it exited'] })))
    expect(xml.attributes).toMatchObject({ tests: '4', failures: '2', errors: '1' })
    const cases = xml.children.flatMap(({ children }) => children)
    expect(cases.map(({ attributes, children }) => [attributes['name'], children[0]?.name])).toEqual([
      ['C1 Slow', 'system-out'],
      ['H2 Errors', 'failure'],
      ['no unexpected notifications', 'failure'],
      ['environment', 'error'],
    ])
    expect(cases[1]?.children[0]?.attributes).toMatchObject({
      type: 'receiver',
      message: 'lost at receiver: it responded 400 <"bad">',
    })
  })

  it('is one JSON document', () => {
    expect(drillsDocument(report(), 60)).toMatchObject({
      schema: 'vigil.drills/1',
      verdict: 'fail',
      speed: 60,
      drills: [{ alert: 'Slow' }, { alert: 'Errors' }],
    })
  })
})
