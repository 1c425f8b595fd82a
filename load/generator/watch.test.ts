import { existsSync } from 'node:fs'
import { Worker } from 'node:worker_threads'
import { describe, expect, test } from 'vitest'
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

describe('a thread', () => {
  test('that only waits is neither busy nor starved', async () => {
    const work = await watched('await new Promise((resolve) => setTimeout(resolve, 400))')
    expect(work.cpuRatio).toBeLessThan(0.5)
    expect(work.busyRatio).toBeLessThan(0.5)
  })

  test('that computes is busy, in what time it has a core', async () => {
    const work = await watched(
      'while (performance.now() < until) await new Promise((resolve) => setImmediate(resolve))',
    )
    expect(work.busyRatio).toBeGreaterThan(0.5)
    // Where Linux reports the wait, both add up to the time, but for what a host takes from its guests.
    if (existsSync('/proc/thread-self/schedstat')) {
      const known = work.cpuRatio + work.starvedRatio
      expect(known).toBeGreaterThan(0.2)
      expect(known).toBeLessThan(1.1)
    }
    expect(work.cpuRatio).toBeGreaterThan(0)
  })

  test('that blocks its event loop shows by how much', async () => {
    const work = await watched(`while (performance.now() < until) {
      const blocked = performance.now() + 60
      while (performance.now() < blocked);
      await new Promise((resolve) => setTimeout(resolve, 1))
    }`)
    expect(work.eventLoopP99Ms).toBeGreaterThan(40)
  })
})
