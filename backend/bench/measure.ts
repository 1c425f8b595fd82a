import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Bench, Contender } from './contenders.ts'

const run = promisify(execFile)

/** A request that is sent repeatedly. */
export interface RequestTemplate {
  method: string
  path: string
  token: string
  body?: string
}

export interface LoadResult {
  requests: number
  perSecond: number
  p95Ms: number
}

/**
 * More than the pools have connections, so that PostgreSQL is always busy and the work per request is
 * compared.
 */
const connections = 16
let scripts = 0

/**
 * Keeps 16 connections busy with `shots`, in turn, for some seconds, with wrk: a closed model that uses
 * little CPU. Rejects if a request failed.
 */
export async function runLoad(
  bench: Bench,
  base: string,
  shots: readonly RequestTemplate[],
  seconds = bench.seconds,
): Promise<LoadResult> {
  const script = join(bench.folder, `load-${(scripts += 1)}.lua`)
  await writeFile(script, buildScript(shots))
  const { stdout } = await run('wrk', [
    '-t',
    '1',
    '-c',
    String(connections),
    '-d',
    `${seconds}s`,
    '-s',
    script,
    base,
  ]).catch((error: unknown) => {
    throw new Error(`cannot run wrk, install the Debian package wrk: ${String(error)}`)
  })
  const [, perSecond, requests, p95Ms, failed] =
    /RESULT (\S+) (\S+) (\S+) (\S+)/.exec(stdout)?.map(Number) ?? []
  if (failed !== 0) throw new Error(`some requests failed: ${stdout}`)
  return { perSecond: perSecond ?? 0, requests: requests ?? 0, p95Ms: p95Ms ?? 0 }
}

function buildScript(shots: readonly RequestTemplate[]): string {
  const requests = shots.map(({ method, path, token, body }) => {
    const headers = `{["authorization"]="Bearer ${token}",["content-type"]="application/json"}`
    const parts = [
      JSON.stringify(method),
      JSON.stringify(path),
      headers,
      body === undefined ? 'nil' : JSON.stringify(body),
    ]
    return `wrk.format(${parts.join(', ')})`
  })
  return `local shots
local at = 0
function init() shots = {${requests.join(', ')}} end
function request()
  at = at % #shots + 1
  return shots[at]
end
function done(summary, latency)
  local e = summary.errors
  local failed = e.connect + e.read + e.write + e.status + e.timeout
  local perSecond = summary.requests / (summary.duration / 1e6)
  local p95 = latency:percentile(95) / 1000
  io.write(string.format("RESULT %f %d %f %d\\n", perSecond, summary.requests, p95, failed))
end
`
}

/**
 * Returns, for each contender, its throughput as a share of the first one's in each round. The order
 * alternates between rounds.
 */
export async function compareThroughput(
  bench: Bench,
  what: string,
  contenders: readonly Contender[],
  shot: RequestTemplate,
): Promise<number[][]> {
  for (const { base } of contenders) await warmUp(bench, base, shot)
  const found: number[][] = contenders.map(() => [])
  for (let round = 0; round < bench.rounds; round += 1) {
    const rates = new Map<Contender, number>()
    for (const contender of round % 2 === 0 ? contenders : contenders.toReversed())
      rates.set(contender, (await runLoad(bench, contender.base, [shot])).perSecond)
    const inOrder = contenders.map((contender) => rates.get(contender) ?? Number.NaN)
    for (const [index, rate] of inOrder.entries()) found[index]?.push(rate / (inOrder[0] ?? Number.NaN))
    const shown = contenders.map((one) => `${one.name} ${rates.get(one)?.toFixed(0)}/s`)
    bench.print(`${what}: ${shown.join(', ')}`)
  }
  return found
}

/** Warming up continues while the rate rises by this factor, for at most `maxWarmups` runs. */
const minSpeedup = 1.03
const maxWarmups = 8

/**
 * Runs load until the rate no longer rises: V8 needs half a minute for the service, and a few seconds for the
 * forty lines of raw.ts.
 */
async function warmUp(bench: Bench, base: string, shot: RequestTemplate): Promise<void> {
  let [best, rate] = [0, 0]
  for (let times = 0; times < maxWarmups && rate >= best * minSpeedup; times += 1) {
    best = Math.max(best, rate)
    rate = (await runLoad(bench, base, [shot], 4)).perSecond
  }
}

/** A claim about speed or size, and its measurement. */
export interface Section {
  name: string
  /** What is compared with what, in one line. */
  about: string
  run: (bench: Bench) => Promise<Figure[]>
}

/** A measured figure and its goal. */
export interface Figure {
  what: string
  value: string
  goal: string
  met: boolean
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const half = sorted.length >> 1
  const upper = sorted[half] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : ((sorted[half - 1] ?? Number.NaN) + upper) / 2
}

/** Formats the median with the range, which shows noise. */
export function formatSpread(values: readonly number[], format: (value: number) => string): string {
  const range = `${format(Math.min(...values))}–${format(Math.max(...values))}`
  return `${format(median(values))} (${range} in ${values.length})`
}
