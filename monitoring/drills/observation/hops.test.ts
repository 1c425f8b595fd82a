import { describe, expect, it } from 'vitest'
import type { Delivery } from '../../receivers/index.ts'
import { followHops } from '../run/walk.ts'
import { resolutionHops, deliveryHops } from './hops.ts'
import { isAbout, emptyObservation } from './observation.ts'
import type { Observation } from './observation.ts'
import { findComparisons } from '../compression/comparisons.ts'

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

/** Time does not pass here: what is not so now never will be. */
const atOnce = async (isSo: () => boolean): Promise<boolean> => isSo()
const outward = async (seen: Observation): Promise<string> =>
  told(
    await followHops(
      deliveryHops(() => seen, expected, limits),
      atOnce,
    ),
  )
const homeward = async (seen: Observation): Promise<string> =>
  told(
    await followHops(
      resolutionHops(() => seen, expected, limits),
      atOnce,
    ),
  )
const told = (walked: Awaited<ReturnType<typeof followHops>>): string =>
  walked.state === 'arrived' ? 'arrived' : `${walked.hop}: ${walked.why}`

const without = (seen: Observation, ...keys: (keyof Observation)[]): Observation =>
  Object.fromEntries(
    Object.entries(seen).filter(([key]) => !keys.some((each) => each === key)),
  ) as unknown as Observation

describe('an alert that gets lost is lost at a hop that is named', () => {
  it('arrives when every hop was travelled', async () => {
    expect(await outward(good())).toBe('arrived')
    expect(await homeward(good({ clearedAtMs: 9, received: [got(), got({ status: 'resolved' })] }))).toBe(
      'arrived',
    )
  })

  it.each([
    [
      'no such rule',
      without(good({ evaluations: 0 }), 'rule'),
      'evaluation: Prometheus has no rule named Slow',
    ],
    [
      'Prometheus gone',
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
      'rule: Slow was never true within 10 s: p95 is 0.031, its rule wants > 1',
    ],
    [
      'a rule without a value',
      without(good({ measured: [{ measured: 'p95', expected: '> 1', values: [] }] }), 'trueAtMs'),
      'rule: Slow was never true within 10 s: p95 is without a value, its rule wants > 1',
    ],
    [
      'a for that is too long',
      without(good({ rule: { expression: '', forMs: 144_000, health: 'ok' } }), 'firingAtMs'),
      "pending: Slow is true but still pending after 5 s: its 'for' is 144 s on the drill's clock",
    ],
    [
      'an Alertmanager that does not get it',
      without(good(), 'inAlertmanagerAtMs'),
      "alertmanager: Slow fires in Prometheus, but Alertmanager does not have it after 3 s: is it Prometheus' Alertmanager?",
    ],
    [
      'a group of everything',
      good({ groupedBy: [] }),
      'grouping: Slow is grouped by nothing, expected alertname',
    ],
    [
      'fired but not routed',
      good({ received: [], receivers: ['nobody'] }),
      'receiver: Slow fired but pagerduty devops did not have it within 3 s: Alertmanager routes it to nobody',
    ],
    [
      'inhibited',
      good({ received: [], inhibitedAtMs: 5 }),
      'receiver: Slow fired but pagerduty devops did not have it within 3 s: Alertmanager routes it to pager (it is inhibited by another alert)',
    ],
    [
      'silenced',
      good({ received: [], silencedAtMs: 5 }),
      'receiver: Slow fired but pagerduty devops did not have it within 3 s: Alertmanager routes it to pager (it is silenced)',
    ],
    [
      'routed elsewhere',
      good({ received: [got({ ...slack })] }),
      'receiver: Slow was routed elsewhere: slack alerts has it, expected pagerduty devops',
    ],
    [
      'routed elsewhere as well',
      good({ received: [got(), got({ ...slack })] }),
      'routing: Slow was routed elsewhere, too: slack alerts has it, expected only pagerduty devops',
    ],
    [
      'a receiver that refuses: with its answer',
      good({
        received: [got({ response: { state: 'invalid', status: 400, reason: "'routing_key' is no key" } })],
      }),
      "receiver: Slow reached pagerduty devops, which did not take it: it answered 400 'routing_key' is no key",
    ],
    [
      "a key that is nobody's",
      good({
        received: [got({ address: '?', response: { state: 'invalid', status: 400, reason: 'unknown key' } })],
      }),
      'receiver: Slow reached pagerduty devops, which did not take it: it answered 400 unknown key',
    ],
    [
      'a text without what must be in it',
      good({ received: [got({ text: 'hello' })] }),
      'content: Slow: what pagerduty devops got does not hold "runbook"',
    ],
  ])('%s', async (_, seen, line) => expect(await outward(seen)).toBe(line))

  it.each([
    ['never over', good(), 'resolve: Slow still fires 9 s after its fault was withdrawn'],
    [
      'over, but nobody was told',
      good({ clearedAtMs: 9 }),
      'resolved notice: Slow is resolved, but pagerduty devops was not told within 3 s: does its receiver have send_resolved?',
    ],
  ])('%s', async (_, seen, line) => expect(await homeward(seen)).toBe(line))
})

it('an alert of the time before is none of this time', async () => {
  const late = { trueAtMs: 60_000, beganMs: 62_000, firingAtMs: 62_000, inAlertmanagerAtMs: 62_100 }
  expect(await outward(good({ ...late, received: [got({ atMs: 50_000 })] }))).toContain('did not have it')
  expect(
    await homeward(
      good({
        ...late,
        clearedAtMs: 70_000,
        received: [got({ status: 'resolved', atMs: 60_500 }), got({ atMs: 62_200 })],
      }),
    ),
  ).toContain('was not told')
})

describe('what a notification is about', () => {
  it.each([
    ['its name', 'Slow', true],
    ['its name in JSON', '{"alertname":"Slow"}', true],
    ['another name that begins with it', 'Slowness', false],
    ['another that ends with it, then itself', 'VerySlow and Slow', true],
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
      'two, in brackets',
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
