import { runSchedule } from '../../synthetics/schedule/index.ts'
import { parseCadence } from '../../config/index.ts'
import type { Job, ScheduleEvent } from '../../synthetics/schedule/index.ts'
import { createSimulatedClock } from '../../synthetics/schedule/testing/clock.ts'
import { createScheduledMetrics } from '../../synthetics/metrics/index.ts'
import type { ProbeResult } from '../../record/index.ts'

// An hour of 200 probes, one run a second each, on a simulated clock: scheduler and metrics are the real
// ones, the probes answer immediately. Prints the heap in use after each quarter as JSON. Needs
// `--expose-gc`.
const probes = Array.from({ length: 200 }, (_, index) => `probe-${index}`)
const cadence = parseCadence('1s')
if (cadence.state === 'invalid') throw new Error(cadence.problem)
const clock = createSimulatedClock(Date.parse('2026-01-01T00:00:00.500Z'))
const metrics = createScheduledMetrics(probes, { version: 'bench', node: process.versions.node })
const stop = new AbortController()
let runs = 0

const collect = (event: ScheduleEvent<ProbeResult>): void => {
  if (event.kind === 'beat') metrics.beat(event.atMs)
  if (event.kind !== 'ran' || event.outcome.state !== 'ok') return
  runs += 1
  metrics.ran(event.outcome.result, event.startedMs - event.dueMs, event.holdsUntilMs)
}
const jobs = probes.map((name): Job<ProbeResult> => ({
  name,
  cadence: cadence.cadence,
  deadlineMs: 10_000,
  run: async () => ({
    name,
    outcome: 'up',
    startedAt: new Date(clock.wall()).toISOString(),
    durationMs: 5,
    attempts: 1,
    steps: [{ step: 'get', ok: true, status: 200, durationMs: 5 }],
  }),
}))
const ended = runSchedule({ jobs, clock, stop: stop.signal, onEvent: collect })
const heapBytes: number[] = []
for (let quarter = 0; quarter < 4; quarter += 1) {
  await clock.pass(900_000)
  await metrics.text(clock.wall())
  globalThis.gc?.()
  heapBytes.push(process.memoryUsage().heapUsed)
}
stop.abort()
await clock.pass(20_000)
await ended
process.stdout.write(`${JSON.stringify({ runs, heapBytes })}\n`)
