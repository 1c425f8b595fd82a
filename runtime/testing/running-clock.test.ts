import { expect, it } from 'vitest'
import { countRunningTime } from './running-clock.ts'

it('running time is what a process could run, and little of what it stood still', () => {
  let nowMs = 1000
  let tick = (): void => undefined
  const read = countRunningTime({ nowMs: () => nowMs, every: (_, call) => (tick = call) })
  const passMs = (ms: number): void => {
    nowMs += ms
    tick()
  }
  for (let count = 0; count < 100; count += 1) passMs(10)
  expect(read()).toBe(1000)
  passMs(900)
  expect(read()).toBe(1020)
  nowMs += 5
  expect(read()).toBe(1025)
})
