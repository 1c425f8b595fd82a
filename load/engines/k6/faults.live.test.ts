import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { describe, expect, it } from 'vitest'
import { countOf } from '../../../record/index.ts'
import { closingOnReuse, endTargets } from '../../../journeys/client/testing/target.ts'
import { home, measured, runEngine, saturationWithoutStalls } from './testing/run.ts'
import { startTarget } from './testing/target.ts'

const atRate = (ratePerSecond: number): { model: 'arrival-rate'; ratePerSecond: number } => ({
  model: 'arrival-rate',
  ratePerSecond,
})

describe('a target that fails during the run', () => {
  it('by being killed: errors are counted with class and begin, and the run is valid', async (context) => {
    const target = await startTarget(context, (_request, response, index) => {
      response.end('ok')
      if (index === 50) target.kill()
    })
    const measurement = measured(
      await runEngine(context, {
        url: target.url,
        source: home,
        plan: { load: atRate(100), durationMs: 3000 },
      }),
    )
    const connect = measurement.failures.find(({ class: failure }) => failure === 'connect')
    expect(connect?.count).toBeGreaterThan(50)
    // The fiftieth request is due half a second after the first; a busy machine can only delay it.
    expect(connect?.firstAtMs).toBeGreaterThan(400)
    expect(connect?.firstAtMs).toBeLessThan(3000)
    expect(connect?.example).toMatch(/refused|reset|EOF/)
    const { requests, errors, histogram } = measurement.endpoints['home/get'] ?? {
      requests: 0,
      errors: 0,
      histogram: [],
    }
    expect(requests - errors).toBe(countOf(histogram))
    expect(saturationWithoutStalls(measurement)).toEqual([])
  })

  it('by not answering: requests time out, arrivals are dropped, and the run is valid', async (context) => {
    const target = await startTarget(context, (_request, response, index) => {
      if (index < 50) response.end('ok')
    })
    const measurement = measured(
      await runEngine(context, {
        url: target.url,
        source: home,
        plan: { load: atRate(400), durationMs: 3000, requestTimeoutMs: 2000 },
      }),
    )
    const count = (failure: string): number =>
      measurement.failures.find((one) => one.class === failure)?.count ?? 0
    expect(count('timeout')).toBeGreaterThan(100)
    expect(count('dropped')).toBe(measurement.droppedArrivals)
    expect(countOf(measurement.endpoints['home/get']?.histogram ?? [])).toBe(49)
    expect(measurement.endpoints['home/get']?.requests).toBe(49 + count('timeout'))
    expect(saturationWithoutStalls(measurement)).toEqual([])
  })
})

it('a kept connection closed at the next GET fails nothing', async (context) => {
  context.onTestFinished(endTargets)
  const methods: string[] = []
  const url = await closingOnReuse(methods)
  const { endpoints } = measured(await runEngine(context, { url, source: home, plan: { durationMs: 2000 } }))
  expect(endpoints['home/get']?.errors).toBe(0)
  // k6's own client sends again.
  expect(methods.length).toBeGreaterThan(endpoints['home/get']?.requests ?? 0)
})

describe('a starved generator', () => {
  it('without file descriptors makes the run invalid, with the reason', async (context) => {
    const target = await startTarget(context, (_request, response) =>
      setTimeout(() => response.end('ok'), 300),
    )
    const run = await runEngine(context, {
      url: target.url,
      source: home,
      wrapper: 'ulimit -n 64; exec "$K6" "$@"',
      plan: { load: atRate(300) },
    })
    // k6 may also crash, which is no measurement either.
    if (run.result.state === 'unavailable') expect(run.result.reason).toMatch(/too many open files/)
    else expect(measured(run).saturation.join()).toMatch(/no file descriptor left for \d+ requests/)
  })

  it('that is stopped again and again makes the run invalid, with the reason', async (context) => {
    const target = await startTarget(context, (_request, response) => response.end('ok'))
    const stops = [
      '"$K6" "$@" & pid=$!',
      'if [ "$1" = run ]; then sleep 1',
      'while kill -STOP $pid 2>/dev/null; do sleep 0.6; kill -CONT $pid; sleep 0.1; done; fi',
      'wait $pid',
    ].join('\n')
    const measurement = measured(
      await runEngine(context, { url: target.url, source: home, wrapper: stops, plan: { durationMs: 3000 } }),
    )
    expect(measurement.saturation.join()).toMatch(/starved of CPU|could not keep up/)
  })
})

it("k6's variables do not change the load, and k6 gets no secrets", async (context) => {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const port = (server.address() as AddressInfo).port
  server.close()
  const target = await startTarget(context, (_request, response) => response.end('ok'))
  const env = {
    K6_VUS: '1',
    K6_ITERATIONS: '1',
    K6_DURATION: '1s',
    HTTP_PROXY: `http://127.0.0.1:${port}`,
    MY_TOKEN: 'canary',
  }
  const before = { ...process.env }
  Object.assign(process.env, env)
  context.onTestFinished(() => void (process.env = before))
  const run = await runEngine(context, {
    url: target.url,
    source: home,
    wrapper: '[ -z "$MY_TOKEN$K6_VUS$HTTP_PROXY" ] || exit 3; exec "$K6" "$@"',
  })
  expect(measured(run).endpoints['home/get']?.requests).toBe(target.seen.length)
  expect(target.seen.length).toBeGreaterThan(50)
})
