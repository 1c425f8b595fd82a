import { expect, it } from 'vitest'
import { historyPage } from './history.ts'
import type { HistoryPicture } from './history.ts'

const picture: HistoryPicture = {
  title: '<script>alert(1)</script>',
  conditions: '"onload="x',
  metric: 'p95 (ms)',
  points: Array.from({ length: 40 }, (_, run) => ({
    label: '<b>',
    ...(run !== 3 && { value: run < 20 ? 10 + run : 50 }),
  })),
  changes: [{ index: 20, before: 20, after: 50 }],
  drifts: [{ from: 0, to: 30, before: 10, slope: 0.03 }],
  budget: 60,
  findings: ['<img src=x>'],
}

it('draws runs, a drift in two parts around a change, and the budget, for a screen and a phone', () => {
  const written = historyPage([picture], 'now')
  const count = (kind: string): number => written.split(`class="${kind}"`).length - 1
  expect([count('sample'), count('drift'), count('event'), count('budget')]).toEqual([78, 4, 2, 2])
})

it('reads no text from outside as markup, and has no script', () => {
  const written = historyPage([picture], 'now')
  expect(written).not.toMatch(/<script|<img|<b>"|onload="x/)
  expect(written).toContain('&lt;script&gt;')
})

it('is a page without a run, and of runs that measured nothing', () => {
  expect(historyPage([], 'now')).toContain('<h1>History</h1>')
  const empty = { ...picture, points: [{ label: 'a' }], changes: [], drifts: [], findings: [] }
  expect(historyPage([empty], 'now')).toContain('No change and no drift.')
  expect(historyPage([empty], 'now')).not.toMatch(/NaN|Infinity/)
})
