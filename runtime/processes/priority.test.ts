import { getPriority } from 'node:os'
import { expect, test } from 'vitest'
import { stepBack } from './priority.ts'

test('whoever steps back is last while it lasts and comes forward again, or where that cannot be undone stays about where it was', () => {
  const usual = getPriority()
  const undo = stepBack()
  const during = getPriority()
  undo()
  expect([19, usual, usual + 1]).toContain(during)
  expect(during === 19 ? getPriority() : usual).toBe(usual)
})
