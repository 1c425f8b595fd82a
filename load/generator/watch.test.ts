import { Worker } from 'node:worker_threads'
import { describe, expect, test } from 'vitest'
import { watchGenerator } from './watch.ts'
import type { GeneratorWork } from './watch.ts'

/** What the watch says of a thread of its own that does `work` for a while. */
async function watched(work: string): Promise<GeneratorWork> {
  const code = `
    import { parentPort } from 'node:worker_threads'
    import { watchGenerator } from ${JSON.stringify(new URL('watch.ts', import.meta.url).href)}
    const end = watchGenerator()
    const until = performance.now() + 400
    ${work}
    parentPort.postMessage(end())`
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(code)}`))
  try {
    return await new Promise((resolve, reject) => {
      worker.once('message', resolve)
      worker.once('error', reject)
    })
  } finally {
    await worker.terminate()
  }
}

/** What the watch says of a thread that shows these figures, over 400 ms. */
function watchFigures({ cpuMs = 0, waitedMs, busyRatio = 0, p99Ms = 5 }: Figures): GeneratorWork {
  const since = (before: number, during: number): (() => number) => {
    const readings = [before, before + during]
    return () => readings.shift() ?? Number.NaN
  }
  const end = watchGenerator({
    nowMs: since(7000, 400),
    cpuMs: since(90, cpuMs),
    waitedMs: waitedMs === undefined ? () => undefined : since(30, waitedMs),
    watchLoop: () => () => ({ busyRatio, p99Ms }),
    watchThrottling: () => () => undefined,
  })
  return end()
}

interface Figures {
  cpuMs?: number
  /** Undefined: the system does not report it. */
  waitedMs?: number
  busyRatio?: number
  p99Ms?: number
}

describe('the figures of a thread', () => {
  test.each<[string, Figures, Partial<GeneratorWork>]>([
    ['that waits', { waitedMs: 0 }, { cpuRatio: 0, busyRatio: 0, starvedRatio: 0, eventLoopP99Ms: 0 }],
    [
      'that computes with a core of its own',
      { cpuMs: 400, waitedMs: 0, busyRatio: 1 },
      { cpuRatio: 1, busyRatio: 1, starvedRatio: 0 },
    ],
    [
      'that has a core for a quarter of the time',
      { cpuMs: 100, waitedMs: 300, busyRatio: 1 },
      { cpuRatio: 0.25, busyRatio: 1, starvedRatio: 0.75 },
    ],
    [
      'that the host stopped, which no clock of its own shows',
      { cpuMs: 100, waitedMs: 100, busyRatio: 1 },
      { cpuRatio: 0.25, starvedRatio: 0.25 },
    ],
    [
      'whose wait is not reported',
      { cpuMs: 100, busyRatio: 0.9 },
      { cpuRatio: 0.25, busyRatio: 0.9, starvedRatio: 0.65 },
    ],
    ['whose loop came late', { waitedMs: 0, p99Ms: 65 }, { eventLoopP99Ms: 60 }],
  ])('%s', (_, figures, expected) => {
    expect(watchFigures(figures)).toMatchObject(expected)
  })
})

describe('a thread', () => {
  // Computes for any part of the time that the machine gives it: the shares above are exact.
  test('that computes is busy, and that blocks its event loop shows by how much', async () => {
    const work = await watched(`while (performance.now() < until) {
      const blocked = performance.now() + 60
      while (performance.now() < blocked);
      await new Promise((resolve) => setImmediate(resolve))
    }`)
    expect(work.cpuRatio).toBeGreaterThan(0)
    expect(work.busyRatio).toBeGreaterThan(0.5)
    expect(work.eventLoopP99Ms).toBeGreaterThan(40)
  })
})
