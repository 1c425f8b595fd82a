import { describe, expect, it } from 'vitest'
import { readXml } from '../../../reports/junit/testing/read-xml.ts'
import type { DrillResult } from '../table/drill.ts'
import type { DrillsReport } from './run-drills.ts'
import { drillsPage } from './page.ts'
import { drillListText, drillsDocument, drillsJunit, drillsText, judgeDrills } from './report.ts'
import { drills } from '../table/drills.ts'

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
        'alert      fires s  delivered s  escalated s  resolved s  to' + ' '.repeat(27) + 'then to',
        'C1 Slow *      9.3          0.1                      4.0  pagerduty on_call, sms todo' +
          '           pass',
        'H2 Errors                                                                           ' +
          '            LOST at receiver',
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

describe('the page of drills', () => {
  const sms = {
    via: 'sms',
    address: 'arn:aws:sns:x:1:todo',
    atMs: 9000,
    status: 'firing',
    title: 'CRITICAL Slow: <script>alert(1)</script>',
    text: 'CRITICAL Slow: <script>alert(1)</script> https://here/latency.md#slow',
    response: { state: 'ok' },
  } as const
  const shown = drillsPage(
    report({
      results: [
        lost,
        {
          ...passed,
          events: [
            { atMs: 1000, hop: 'fault', subject: 'Slow', text: 'it is slow' },
            { atMs: 3000, hop: 'pending', subject: 'Slow', text: 'its rule is true' },
            { atMs: 8000, hop: 'firing', subject: 'Slow', text: 'Slow fires' },
            { atMs: 9000, hop: 'receiver', subject: 'sms arn:aws:sns:x:1:todo', text: sms.title },
          ],
          messages: [sms],
        },
      ],
      messages: [sms, { ...sms, via: 'email', text: 'Watchdog' }],
      unexpected: ['Down was delivered'],
    }),
    60,
  )

  it('shows each hop with its time, on both clocks', () => {
    expect(shown.match(/<td><span class="whole">\d.*?<\/td>\n?<td>.*?<\/td>/gs)?.map(textOf)).toEqual([
      '0.0 s (0 s)fault begins',
      '2.0 s (2 min)rule, pending',
      '7.0 s (7 min)firing',
      '8.0 s (8 min)receiver',
    ])
    expect(shown).toContain('lost at receiver: it responded 400 &lt;&quot;bad&quot;&gt;')
    expect(shown).toContain('Unexpected: Down was delivered')
  })

  it('folds the messages of a drill that passed, and opens those of one that is lost', () => {
    const folded = drillsPage(report({ results: [{ ...passed, messages: [sms] }] }), 60)
    expect(folded).toContain('<details class="messages"><summary>What people got: 1 message</summary>')
    const open = drillsPage(report({ results: [{ ...lost, messages: [sms, sms] }] }), 60)
    expect(open).toMatch(/<details class="messages" open(="")?><summary>What people got: 2 messages</)
  })

  it('names the figures of its table where a phone has no heading row', () => {
    expect(shown).toMatch(/<span class="label">fires after <\/span>/)
    expect(shown).toMatch(/<span class="label">messages <\/span>1</)
  })

  it('shows each message once, as text, and no script', () => {
    expect(shown.match(/class="message"/g)).toHaveLength(2)
    expect(shown).toContain(`${sms.text.length} of 160 characters`)
    expect(shown).toContain('id="others"')
    expect(shown).not.toMatch(/<script|javascript:/)
    expect(shown).toContain('content="default-src &#39;none&#39;; style-src')
  })
})

const textOf = (markup: string): string => markup.replaceAll(/<[^>]*>|\n/g, '')

describe('on a narrow terminal', () => {
  it.each([200, 110, 90])('the column of receivers is the last to go: %i columns', (width) => {
    const escalatedTo = ['pagerduty pagerduty_management', 'email engineering-management@example.com']
    const [heading = ''] = drillsText(report({ results: [{ ...passed, escalatedTo }] }), 60, width).split(
      '\n',
    )
    expect(heading).toMatch(width === 200 ? / to {2,}then to$/ : / to$/)
    const list = drillListText(drills, width).split('\n')
    expect(list[0]).toMatch(/^alert .* to( +escalates after)?$/)
    expect(list).toHaveLength(drills.length + 2)
    expect(list[1]).toContain('pagerduty on_call, sms todo-on-call')
  })
})
