import { expect, it } from 'vitest'
import { startRunningClock } from './running-clock.ts'

it('a clock of running time counts what a process could run, and little of what it stood still', () => {
  let nowMs = 1000
  let tick = (): void => undefined
  const clock = startRunningClock({ nowMs: () => nowMs, every: (_, call) => (tick = call) })
  const passMs = (ms: number): void => {
    nowMs += ms
    tick()
  }
  for (let count = 0; count < 100; count += 1) passMs(10)
  expect(clock.elapsedMs()).toBe(1000)
  passMs(900)
  expect(clock.elapsedMs()).toBe(1020)
  nowMs += 5
  expect(clock.elapsedMs()).toBe(1025)
})
