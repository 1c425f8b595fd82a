import { describe, expect, it } from 'vitest'
import type { Delivery } from '../../receivers/index.ts'
import { findUnexpected } from './unexpected.ts'

const told = (title: string, atMs: number, change: Partial<Delivery> = {}): Delivery => ({
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

describe('what was delivered although nothing was wrong', () => {
  it.each([
    ['nothing while its drill runs', told('MEDIUM Slow: x', 150), 0],
    ['nothing while what it told is on its way', told('MEDIUM Slow: x', 205), 0],
    ['an alert before its drill', told('MEDIUM Slow: x', 50), 1],
    ['an alert after it', told('MEDIUM Slow: x', 300), 1],
    ['an alert that no drill raises', told('MEDIUM Down: x', 150), 1],
    ['what is about no alert at all', told('hello', 150), 1],
    [
      'nothing that was refused',
      told('MEDIUM Down: x', 150, { response: { state: 'invalid', status: 400, reason: '' } }),
      0,
    ],
    ['nothing that says that it is over', told('RESOLVED Down: x', 150, { status: 'resolved' }), 0],
  ])('%s', (_, received, count) => expect(findUnexpected([received], alerts, during, 10)).toHaveLength(count))
})
