import { describe, expect, it } from 'vitest'
import type { Delivery } from '../../receivers/index.ts'
import { findUnexpected } from './checks.ts'

const delivery = (title: string, atMs: number, change: Partial<Delivery> = {}): Delivery => ({
  via: 'slack',
  address: 'alerts',
  atMs,
  status: 'firing',
  title,
  text: title,
  response: { state: 'ok' },
  ...change,
})
const alerts = ['Slow', 'Down']
const during = [{ alerts: ['Slow'], fromMs: 100, toMs: 200 }]

describe('unexpected notifications', () => {
  it.each([
    ['not of an alert whose drill runs', delivery('MEDIUM Slow: x', 150), 0],
    ['not within the grace time', delivery('MEDIUM Slow: x', 205), 0],
    ['an alert before its drill', delivery('MEDIUM Slow: x', 50), 1],
    ['an alert after it', delivery('MEDIUM Slow: x', 300), 1],
    ['an alert that no drill raises', delivery('MEDIUM Down: x', 150), 1],
    ['a text about no alert', delivery('hello', 150), 1],
    [
      'not a rejected one',
      delivery('MEDIUM Down: x', 150, { response: { state: 'invalid', status: 400, reason: '' } }),
      0,
    ],
    ['not a resolved one', delivery('RESOLVED Down: x', 150, { status: 'resolved' }), 0],
  ])('%s', (_, received, count) => expect(findUnexpected([received], alerts, during, 10)).toHaveLength(count))
})
