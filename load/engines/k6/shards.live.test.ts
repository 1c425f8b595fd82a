import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { TestContext } from 'vitest'
import { toRecord } from '../../record.ts'
import { home, measured, planOf, runEngine, saturationWithoutStalls } from './testing/run.ts'
import type { Run, RunOptions } from './testing/run.ts'
import { startTarget } from './testing/target.ts'

/** Two k6, unless something else is said, against a target that answers immediately. */
async function runShards(
  context: Pick<TestContext, 'onTestFinished'>,
  options: Partial<RunOptions> = {},
): Promise<Run & { paths: string[] }> {
  const target = await startTarget(context, (_request, response) => response.end('ok'))
  const run = await runEngine(context, {
    url: target.url,
    source: home,
    ...options,
    plan: { shards: 2, durationMs: 1500, ...options.plan },
  })
  return { ...run, paths: target.seen }
}

/** A wrapper that runs `then` for the second shard, and the real k6 for all else. */
const second = (then: string): string => `case "$*" in run*shard-2*) ${then};; esac\nexec "$K6" "$@"`

const reasonsOf = (run: Run): string[] => {
  const measurement = measured(run)
  const facts = {
    engine: 'k6',
    target: { url: 'http://127.0.0.1' },
    environment: { fingerprint: 'test' },
    startedAt: measurement.startedAt,
  }
  const record = toRecord(
    planOf({ url: 'http://127.0.0.1', source: '', plan: { shards: 2 } }, ''),
    measurement,
    {},
    facts,
  )
  expect(record.load).toEqual({ model: 'arrival-rate', ratePerSecond: 50, shards: 2 })
  const { valid, reasons, codes = [] } = record.validity
  expect(valid).toBe(false)
  // A machine that stands still starves k6 in addition.
  const others = codes.filter((code) => code !== 'generator-saturated')
  expect(new Set(others)).toEqual(new Set(['shards-incomplete']))
  return reasons.filter((_, index) => codes[index] === 'shards-incomplete')
}

/** Runs k6 behind a proxy of its REST API, which passes requests that change something on 2.5 s later. */
const delayRelease = `
const { createServer, request } = require("node:http")
const [k6, ...args] = process.argv.slice(1)
const at = args.indexOf("--address") + 1
const [host, port] = args[at].split(":")
const probe = createServer().listen(0, host, () => {
  const inner = probe.address().port
  probe.close(() => {
    args[at] = host + ":" + inner
    createServer((incoming, outgoing) => {
      const { method, url, headers } = incoming
      const pass = () => {
        const onward = request({ host, port: inner, method, path: url, headers }, (answer) => {
          outgoing.writeHead(answer.statusCode, answer.headers)
          answer.pipe(outgoing)
        }).on("error", () => outgoing.destroy())
        incoming.pipe(onward)
      }
      if (method === "GET") pass()
      else setTimeout(pass, 2500)
    }).listen(port, host)
    const { spawn } = require("node:child_process")
    spawn(k6, args, { stdio: "inherit" }).on("exit", (code) => process.exit(code))
  })
})`

describe('shards', () => {
  it('send what one k6 would send, each request once, and account for all of it', async (context) => {
    const source = `
    const get = (path) => ({ method: 'GET', path })
    export default [
      { name: 'home', steps: [{ name: 'get', request: (ctx) => get('/home/' + ctx.unique) }] },
      { name: 'two', before: [{ name: 'login', request: () => get('/login') }], steps: [
        { name: 'a', request: (ctx) => get('/a/' + ctx.unique) },
        { name: 'b', request: () => get('/b'), status: 404 },
      ] },
    ]`
    const run = await runShards(context, {
      source,
      mix: { home: 3, two: 1 },
      plan: { shards: 3, durationMs: 2000, load: { model: 'arrival-rate', ratePerSecond: 60 } },
    })
    const measurement = measured(run)
    const { endpoints, shards = [], shardProblems, notes } = measurement
    const count = (beginning: string): number =>
      run.paths.filter((path) => path.startsWith(`GET ${beginning}`)).length
    expect([shardProblems, saturationWithoutStalls(measurement)]).toEqual([[], []])
    expect([endpoints['home/get']?.requests, endpoints['two/a']?.requests]).toEqual([
      count('/home'),
      count('/a'),
    ])
    // Every iteration has its own number: no two shards have played the same.
    expect(new Set(run.paths.filter((path) => /^GET \/(home|a)/.test(path))).size).toBe(
      count('/home') + count('/a'),
    )
    expect(count('/home') / count('/a')).toBeCloseTo(3, 0)
    const sum = (key: 'offered' | 'answered' | 'failed' | 'dropped'): number =>
      shards.reduce((total, shard) => total + shard[key], 0)
    expect(shards.map(({ segment }) => segment)).toEqual(['0:1/3', '1/3:2/3', '2/3:1'])
    for (const { offered, answered, failed, dropped } of shards)
      expect(offered).toBe(answered + failed + dropped)
    // `two/b` answers 200, which is not expected.
    expect([sum('failed'), sum('answered')]).toEqual([count('/b'), count('/home')])
    expect(sum('offered')).toBeLessThanOrEqual(123)
    if (measurement.saturation.length === 0) expect(sum('offered')).toBeGreaterThanOrEqual(117)
    expect(notes?.[0]).toMatch(/^3 shards began within \d+ ms: offered \d+ journeys = answered/)
    expect(run.edges).toEqual(['begin', 'end'])
    const manifest: unknown = JSON.parse(await readFile(join(run.folder, 'shards.json'), 'utf8'))
    expect(manifest).toMatchObject({
      schema: 'vigil.shards/1',
      plan: expect.stringMatching(/^[0-9a-f]{16}$/),
      shards: shards.map(({ name, segment }) => ({ name, segment })),
    })
  })
})

describe('a run is invalid, with the name of the shard', () => {
  it('when one is killed, and the others end then', async (context) => {
    const run = await runShards(context, {
      wrapper: second('"$K6" "$@" & k6=$!; sleep 2; kill -9 $k6; wait $k6; kill -9 $$'),
      plan: { durationMs: 20_000 },
    })
    expect(reasonsOf(run)).toEqual([expect.stringMatching(/^shard-2 is missing: k6 was ended by SIGKILL/)])
    expect(measured(run)).toMatchObject({ interrupted: false, shards: [{ name: 'shard-1' }] })
    expect(run.tookMs).toBeLessThan(15_000)
  })

  it('when its summary was cut, or is of another version, plan or shard', async (context) => {
    const edits = {
      'shard-2': 's#vigil.shard/1#vigil.shard/0#',
      'shard-3': 's#"plan":"[0-9a-f]*"#"plan":"other"#',
      'shard-4': 's#"name":"shard-4"#"name":"shard-1"#',
      'shard-5': 's#,"steps":.*##',
    }
    const cases = Object.entries(edits).map(([name, edit]) => `run*${name}*) edit='${edit}';;`)
    const run = await runShards(context, {
      wrapper: `case "$*" in ${cases.join(' ')} *) exec "$K6" "$@";; esac
        "$K6" "$@"; code=$?; sed -i "$edit" "$(dirname "$3")/summary.json"; exit $code`,
      plan: { shards: 5 },
    })
    expect(reasonsOf(run)).toEqual([
      'shard-1 reported twice: only its first report is counted',
      expect.stringMatching(/^shard-2 is of another version: found vigil.shard\/0, expected vigil.shard\/1/),
      expect.stringMatching(/^shard-3 is of another plan: found other, expected [0-9a-f]{16}/),
      'shard-4 is missing: it reported nothing',
      expect.stringMatching(/^shard-5 is missing: its summary is not complete JSON/),
    ])
  })

  it('when it was started again and reports twice, or is late', async (context) => {
    // As an orchestrator does with a container whose first result was not collected.
    const again =
      '"$K6" "$@"; for arg do shift; [ "$arg" = --paused ] || set -- "$@" "$arg"; done; exec "$K6" "$@"'
    const late = `exec '${process.execPath}' -e '${delayRelease}' "$K6" "$@"`
    const run = await runShards(context, {
      wrapper: `case "$*" in run*shard-2*) ${again};; run*shard-3*) ${late};; esac\nexec "$K6" "$@"`,
      plan: { shards: 3 },
    })
    const reasons = reasonsOf(run)
    expect(reasons).toContain('shard-2 began twice: it was started again')
    expect(reasons).toContainEqual(expect.stringMatching(/^shard-3 was late: it began \d\.\d s after/))
  })
})

describe('a shard whose clock is an hour off', () => {
  it('changes nothing but a note', async (context) => {
    const hourAgo = Date.now() - 3_600_000
    const run = await runShards(context, {
      // `clockMs` is what k6 reads from its clock.
      wrapper: second(
        `"$K6" "$@" 2>&1 >/dev/null | sed -u 's/"clockMs":[0-9]*/"clockMs":${hourAgo}/' >&2; exit 0`,
      ),
    })
    const { shardProblems, notes } = measured(run)
    expect(shardProblems).toEqual([])
    expect(notes?.[1]).toMatch(/^shard-2: its clock differs by -36\d\d s; nothing is computed from it$/)
  })
})
