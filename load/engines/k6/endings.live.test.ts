import { describe, expect, it } from 'vitest'
import { home, measured, runEngine } from './testing/run.ts'
import type { RunOptions } from './testing/run.ts'
import { exampleSummary } from './testing/summaries.ts'
import { startTarget } from './testing/target.ts'

describe('a k6 that breaks is no measurement, with the end of what it said', { timeout: 60_000 }, () => {
  const old = exampleSummary({ nonce: 'of-another-run' })
  it.for<[string, string, RegExp]>([
    [
      'exits with 107',
      'if [ "$1" = version ]; then exec "$K6" version; fi; echo first >&2; printf "boom \\033[2J\\n" >&2; exit 107',
      /^k6 exited with 107 \(the script threw\): first boom {2}\[2J$/,
    ],
    [
      'exits with 107 whatever it is asked',
      'echo boom >&2; exit 107',
      /does not say its version, so it is not used as k6: boom/,
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
      'cannot use its port three times',
      'if [ "$1" = version ]; then exec "$K6" version; fi; echo x >> tries; cat tries | wc -l >&2; exit 106',
      /^k6 exited with 106 \(its REST API found its port taken\): 3$/,
    ],
  ])('when it %s', async ([, wrapper, expected], context) => {
    const target = await startTarget(context, (_request, response) => response.end('ok'))
    const { result } = await runEngine(context, {
      url: target.url,
      source: home,
      wrapper,
      plan: { durationMs: 5000 },
    })
    expect(result).toMatchObject({ state: 'unmeasured', reason: expect.stringMatching(expected) })
  })

  it('when it is not there', async (context) => {
    const { result } = await runEngine(context, {
      url: 'http://127.0.0.1:1',
      source: home,
      wrapper: '',
      plan: {},
    })
    expect(result).toMatchObject({
      state: 'unmeasured',
      reason: expect.stringMatching(/does not say its version/),
    })
  })
})

describe('an interrupt', { timeout: 60_000 }, () => {
  const interruptIn = async (
    context: Parameters<typeof runEngine>[0],
    phase: string,
    more: Partial<RunOptions>,
  ): ReturnType<typeof runEngine> => {
    let toGo = phase === 'measure' ? 2 : 1
    return runEngine(context, {
      url: 'http://127.0.0.1:1',
      source: home,
      ...more,
      onProgress: (progress, interrupt) => {
        if (progress.phase === phase && --toGo === 0) interrupt()
      },
    })
  }

  it('while measuring ends k6 in good order and keeps what there was', async (context) => {
    const target = await startTarget(context, (_request, response) => response.end('ok'))
    const run = await interruptIn(context, 'measure', { url: target.url, plan: { durationMs: 600_000 } })
    const measurement = measured(run)
    expect(measurement).toMatchObject({ interrupted: true, saturation: [] })
    expect(measurement.endpoints['home/get']?.requests).toBeGreaterThan(10)
    expect(measurement.durationMs).toBeLessThan(30_000)
    expect(run.edges).toEqual(['begin', 'end'])
  })

  it('while warming up has measured nothing, and still names the steps', async (context) => {
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

  it('while preparing users stops that, and releases who was begun', async (context) => {
    const source = `export default [{ name: 'home', before: [{ name: 'in', request: () => ({ method: 'POST', path: '/in' }) }], steps: [{ name: 'get', request: () => ({ method: 'GET', path: '/' }) }], after: [{ name: 'out', request: () => ({ method: 'POST', path: '/out' }) }] }]`
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

it('an error of ours while k6 runs ends k6, and is no measurement', { timeout: 60_000 }, async (context) => {
  const target = await startTarget(context, (_request, response) => response.end('ok'))
  let told = 0
  const { result } = await runEngine(context, {
    url: target.url,
    source: home,
    plan: { durationMs: 600_000 },
    onProgress: () => {
      told += 1
      // The first is told before k6 is started, the second right after.
      if (told === 2) throw new Error('the terminal is gone')
    },
  })
  expect(result).toEqual({ state: 'unmeasured', reason: 'k6 could not be run: the terminal is gone' })
})
