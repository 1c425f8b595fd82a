import { describe, expect, it } from 'vitest'
import type { Delivery } from '../../receivers/index.ts'
import { deliveryHops, followHops, resolutionHops } from './hops.ts'
import type { HopsResult } from './hops.ts'
import { isAbout, emptyObservation } from './observation.ts'
import type { Observation } from './observation.ts'
import { findComparisons } from '../compression/promql.ts'

const devops = { via: 'pagerduty', address: 'devops' } as const
const slack = { via: 'slack', address: 'alerts' } as const
const expected = { alert: 'Slow', to: [devops], content: ['Slow', 'runbook'] }
const limits = { trueMs: 10_000, firesMs: 5000, deliverMs: 3000, clearMs: 9000 }

const got = (change: Partial<Delivery> = {}): Delivery => ({
  ...devops,
  atMs: 5,
  status: 'firing',
  title: 'Slow',
  text: 'see the runbook',
  response: { state: 'ok' },
  ...change,
})
const good = (change: Partial<Observation> = {}): Observation => ({
  ...emptyObservation('Slow'),
  rule: { expression: 'p95 > 1', forMs: 2400, health: 'ok' },
  evaluations: 9,
  measured: [{ measured: 'p95', expected: '> 1', values: [0.031] }],
  trueAtMs: 1,
  beganMs: 2,
  firingAtMs: 2,
  inAlertmanagerAtMs: 3,
  groupedBy: ['alertname'],
  receivers: ['pager'],
  received: [got()],
  ...change,
})

/** No time passes: a condition that does not hold now never holds. */
const checkNow = async (condition: () => boolean): Promise<boolean> => condition()
const delivery = async (seen: Observation): Promise<string> =>
  resultText(
    await followHops(
      deliveryHops(() => seen, expected, limits),
      checkNow,
    ),
  )
const resolution = async (seen: Observation): Promise<string> =>
  resultText(
    await followHops(
      resolutionHops(() => seen, expected, limits),
      checkNow,
    ),
  )
const resultText = (result: HopsResult): string =>
  result.state === 'ok' ? 'ok' : `${result.hop}: ${result.why}`

const without = (seen: Observation, ...keys: (keyof Observation)[]): Observation =>
  Object.fromEntries(
    Object.entries(seen).filter(([key]) => !keys.some((each) => each === key)),
  ) as unknown as Observation

describe('the hop at which an alert is lost', () => {
  it('is none when every hop is reached', async () => {
    expect(await delivery(good())).toBe('ok')
    expect(await resolution(good({ clearedAtMs: 9, received: [got(), got({ status: 'resolved' })] }))).toBe(
      'ok',
    )
  })

  it.each([
    [
      'no such rule',
      without(good({ evaluations: 0 }), 'rule'),
      'evaluation: Prometheus has no rule named Slow',
    ],
    [
      'Prometheus not reachable',
      without(good({ evaluations: 0, problem: 'Prometheus at http://x: refused' }), 'rule'),
      'evaluation: Prometheus at http://x: refused',
    ],
    [
      'Prometheus that does not evaluate',
      good({ evaluations: 1 }),
      'evaluation: Prometheus did not evaluate Slow within 10 s',
    ],
    [
      'a rule that cannot be evaluated',
      good({ evaluations: 1, rule: { expression: 'x', forMs: 0, health: 'err', error: 'many-to-many' } }),
      'evaluation: Slow cannot be evaluated: many-to-many',
    ],
    [
      'a rule that is never true: with its value',
      without(good(), 'trueAtMs'),
      'rule: Slow was never true within 10 s: p95 is 0.031, its rule expects > 1',
    ],
    [
      'a rule without a value',
      without(good({ measured: [{ measured: 'p95', expected: '> 1', values: [] }] }), 'trueAtMs'),
      'rule: Slow was never true within 10 s: p95 has no value, its rule expects > 1',
    ],
    [
      'a for that is too long',
      without(good({ rule: { expression: '', forMs: 144_000, health: 'ok' } }), 'firingAtMs'),
      "pending: Slow is true but still pending after 5 s: its 'for' is 144 s on the drill's clock",
    ],
    [
      'an Alertmanager that does not get it',
      without(good(), 'inAlertmanagerAtMs'),
      'alertmanager: Slow fires in Prometheus, but Alertmanager does not have it after 3 ' +
        's: check that Prometheus sends to this Alertmanager',
    ],
    [
      'one group for all alerts',
      good({ groupedBy: [] }),
      'grouping: Slow is grouped by nothing, expected alertname',
    ],
    [
      'fired but not routed',
      good({ received: [], receivers: ['other'] }),
      'receiver: Slow fired but pagerduty devops did not get it within 3 s: Alertmanager routes it to other',
    ],
    [
      'inhibited',
      good({ received: [], inhibitedAtMs: 5 }),
      'receiver: Slow fired but pagerduty devops did not get it within 3 s: Alertmanager ' +
        'routes it to pager (it is inhibited by another alert)',
    ],
    [
      'silenced',
      good({ received: [], silencedAtMs: 5 }),
      'receiver: Slow fired but pagerduty devops did not get it within 3 s: Alertmanager ' +
        'routes it to pager (it is silenced)',
    ],
    [
      'routed to the wrong receiver',
      good({ received: [got({ ...slack })] }),
      'receiver: Slow was routed to the wrong receiver: slack alerts has it, expected pagerduty devops',
    ],
    [
      'also routed to a wrong receiver',
      good({ received: [got(), got({ ...slack })] }),
      'routing: Slow was also routed to the wrong receivers: slack alerts has it, expected ' +
        'only pagerduty devops',
    ],
    [
      'a receiver that rejects it: with its response',
      good({
        received: [got({ response: { state: 'invalid', status: 400, reason: "'routing_key' is no key" } })],
      }),
      "receiver: Slow reached pagerduty devops, which rejected it: it responded 400 'routing_key' is no key",
    ],
    [
      'an unknown key',
      good({
        received: [got({ address: '?', response: { state: 'invalid', status: 400, reason: 'unknown key' } })],
      }),
      'receiver: Slow reached pagerduty devops, which rejected it: it responded 400 unknown key',
    ],
    [
      'a text without a required word',
      good({ received: [got({ text: 'hello' })] }),
      'content: Slow: the notification to pagerduty devops does not contain "runbook"',
    ],
  ])('%s', async (_, seen, line) => expect(await delivery(seen)).toBe(line))

  it.each([
    ['never resolved', good(), 'resolve: Slow still fires 9 s after the end of its fault'],
    [
      'resolved, but not notified',
      good({ clearedAtMs: 9 }),
      'resolved notice: Slow is resolved, but pagerduty devops was not notified within 3 ' +
        's: check that its receiver has send_resolved: true',
    ],
  ])('%s', async (_, seen, line) => expect(await resolution(seen)).toBe(line))
})

it('waits for each receiver of the alert, not only for the first', async () => {
  const sms = { via: 'sms', address: 'on-call' } as const
  const both = { ...expected, to: [devops, sms] }
  const seen = (...received: Delivery[]) => good({ clearedAtMs: 9, received })
  const follow = async (hops: typeof deliveryHops, received: readonly Delivery[]): Promise<string> =>
    resultText(
      await followHops(
        hops(() => seen(...received), both, limits),
        checkNow,
      ),
    )
  const delivered = [got(), got(sms)]
  const resolved = got({ status: 'resolved' })
  expect(await follow(deliveryHops, [got()])).toMatch(/^receiver: Slow fired but sms on-call did not get it/)
  expect(await follow(deliveryHops, delivered)).toBe('ok')
  expect(await follow(resolutionHops, [...delivered, resolved])).toMatch(
    /^resolved notice: Slow is resolved, but sms on-call was not notified/,
  )
  expect(await follow(resolutionHops, [...delivered, resolved, got({ ...sms, status: 'resolved' })])).toBe(
    'ok',
  )
})

it('does not count the notifications of an earlier firing', async () => {
  const late = { trueAtMs: 60_000, beganMs: 62_000, firingAtMs: 62_000, inAlertmanagerAtMs: 62_100 }
  expect(await delivery(good({ ...late, received: [got({ atMs: 50_000 })] }))).toContain('did not get it')
  expect(
    await resolution(
      good({
        ...late,
        clearedAtMs: 70_000,
        received: [got({ status: 'resolved', atMs: 60_500 }), got({ atMs: 62_200 })],
      }),
    ),
  ).toContain('was not notified')
})

describe('isAbout', () => {
  it.each([
    ['its name', 'Slow', true],
    ['its name in JSON', '{"alertname":"Slow"}', true],
    ['another name that begins with it', 'Slowness', false],
    ['another that ends with it, then the alert itself', 'VerySlow and Slow', true],
    ['nothing', '', false],
  ])('%s', (_, text, about) => expect(isAbout({ title: '', text }, 'Slow')).toBe(about))
})

describe('the comparisons of a rule', () => {
  it.each([
    [
      'one',
      'sum(rate(a[5m])) / sum(rate(b[5m])) > 0.05',
      [['sum(rate(a[5m])) / sum(rate(b[5m]))', '> 0.05']],
    ],
    [
      'two, in parentheses',
      '(a > 1) and on() (b < 2)',
      [
        ['a', '> 1'],
        ['b', '< 2'],
      ],
    ],
    ['none', 'absent(a)', [['absent(a)', 'to exist']]],
    [
      'an alternative',
      'up == 0 or absent(up)',
      [
        ['up', '== 0'],
        ['absent(up)', 'to exist'],
      ],
    ],
  ])('%s', (_, expression, sides) =>
    expect(findComparisons(expression).map(({ measured, expected }) => [measured, expected])).toEqual(sides),
  )
})
