import { describe, expect, it } from 'vitest'
import { home, measured, runEngine } from './testing/run.ts'
import type { RunOptions } from './testing/run.ts'
import { exampleSummary } from './testing/summaries.ts'
import { startTarget } from './testing/target.ts'

const realVersion = 'if [ "$1" = version ]; then exec "$K6" version; fi'

describe('a k6 that breaks is no measurement, and its last output is reported', () => {
  const old = exampleSummary({ nonce: 'of-another-run' })
  it.for<[string, string, RegExp]>([
    [
      'exits with 107',
      `${realVersion}; echo first >&2; printf "boom \\033[2J\\n" >&2; exit 107`,
      /^k6 exited with 107 \(the script threw\): first boom \[2J$/,
    ],
    [
      'exits with 107 for any arguments',
      'echo boom >&2; exit 107',
      /version: found boom, expected the version of k6/,
    ],
    [
      'is too old',
      'echo "k6 v0.57.0 (go1.23.6, linux/amd64)"',
      /^found k6 v0\.57\.0, expected k6 1\.0 or later$/,
    ],
    [
      'writes no summary',
      'if [ "$1" = version ]; then exec "$K6" version; fi; exit 0',
      /^k6 ended, but its summary was not written$/,
    ],
    [
      'leaves an old summary',
      `if [ "$1" = version ]; then exec "$K6" version; fi; echo '${JSON.stringify(old)}' > summary.json`,
      /^k6 ended, but its summary is of another run$/,
    ],
    [
      'is killed',
      '"$K6" "$@" & pid=$!; if [ "$1" = run ]; then sleep 2; kill -9 $pid; fi; wait $pid; kill -9 $$',
      /^k6 was ended by SIGKILL/,
    ],
    [
      'finds its port taken three times',
      'if [ "$1" = version ]; then exec "$K6" version; fi; echo x >> tries; cat tries | wc -l >&2; exit 106',
      /^k6 exited with 106 \(the port for its REST API was taken\): 3$/,
    ],
  ])('when it %s', async ([, wrapper, expected], context) => {
    const target = await startTarget(context, (_request, response) => response.end('ok'))
    const { result } = await runEngine(context, {
      url: target.url,
      source: home,
      wrapper,
      plan: { durationMs: 5000 },
    })
    expect(result).toMatchObject({ state: 'unavailable', reason: expect.stringMatching(expected) })
  })

  it('when it is empty', async (context) => {
    const { result } = await runEngine(context, {
      url: 'http://127.0.0.1:1',
      source: home,
      wrapper: '',
      plan: {},
    })
    expect(result).toMatchObject({
      state: 'unavailable',
      reason: expect.stringMatching(/expected the version of k6/),
    })
  })
})

describe('an interrupt', () => {
  const interruptIn = async (
    context: Parameters<typeof runEngine>[0],
    phase: string,
    more: Partial<RunOptions>,
  ): ReturnType<typeof runEngine> => {
    let remaining = phase === 'measure' ? 2 : 1
    return runEngine(context, {
      url: 'http://127.0.0.1:1',
      source: home,
      ...more,
      onProgress: (progress, interrupt) => {
        if (progress.phase === phase && --remaining === 0) interrupt()
      },
    })
  }

  it('while measuring stops k6 gracefully and keeps what was measured', async (context) => {
    const target = await startTarget(context, (_request, response) => response.end('ok'))
    const run = await interruptIn(context, 'measure', { url: target.url, plan: { durationMs: 600_000 } })
    const measurement = measured(run)
    expect(measurement).toMatchObject({ interrupted: true, saturation: [] })
    expect(measurement.endpoints['home/get']?.requests).toBeGreaterThan(10)
    expect(measurement.durationMs).toBeLessThan(30_000)
    expect(run.edges).toEqual(['begin', 'end'])
  })

  it('while warming up has measured nothing, but has all steps', async (context) => {
    const target = await startTarget(context, (_request, response) => response.end('ok'))
    const measurement = measured(
      await interruptIn(context, 'warmup', { url: target.url, plan: { warmupMs: 600_000 } }),
    )
    expect(measurement).toMatchObject({
      interrupted: true,
      durationMs: 0,
      endpoints: { 'home/get': { requests: 0 } },
    })
  })

  it('while preparing users stops that, and releases the users that were begun', async (context) => {
    const source = `export default [{
      name: 'home',
      before: [{ name: 'in', request: () => ({ method: 'POST', path: '/in' }) }],
      steps: [{ name: 'get', request: () => ({ method: 'GET', path: '/' }) }],
      after: [{ name: 'out', request: () => ({ method: 'POST', path: '/out' }) }],
    }]`
    let interrupt = (): void => undefined
    const target = await startTarget(context, (request, response) => {
      if (request.url === '/in') interrupt()
      response.end('ok')
    })
    const run = await runEngine(context, {
      url: target.url,
      source,
      onProgress: (_progress, now) => (interrupt = now),
    })
    expect(measured(run)).toMatchObject({ interrupted: true, durationMs: 0 })
    expect(target.seen).toContain('POST /out')
    expect(run.edges).toEqual([])
  })
})

it('an error of vigil while k6 runs stops k6, and is no measurement', async (context) => {
  const target = await startTarget(context, (_request, response) => response.end('ok'))
  let reports = 0
  const { result } = await runEngine(context, {
    url: target.url,
    source: home,
    plan: { durationMs: 600_000 },
    onProgress: () => {
      reports += 1
      // The first comes before k6 is started, the second directly after.
      if (reports === 2) throw new Error('the terminal was closed')
    },
  })
  expect(result).toEqual({ state: 'unavailable', reason: 'k6 could not be run: the terminal was closed' })
})
