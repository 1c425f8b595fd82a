import { expect } from 'vitest'

/** Expects that what was read was refused, with this problem, in one line. */
export function expectRefused(read: { state: string; problem?: string }, problem: string): void {
  expect(read).toMatchObject({ state: 'refused', problem: expect.stringContaining(problem) })
  expect(read.problem).not.toContain('\n')
}
