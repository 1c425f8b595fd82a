import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Contender } from './contenders.ts'

const run = promisify(execFile)

/** One kind of request. */
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
 * More than the pools have places, so that PostgreSQL always has something to do and what is compared is the
 * work for a request.
 */
const connections = 16
let scripts = 0

/**
 * Keeps 16 connections busy with `shots`, in turn, for some seconds: by wrk, a closed model that costs little
 * of the machine. Rejects when a request was not answered well.
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
    throw new Error(`wrk cannot be run, install the Debian package wrk: ${String(error)}`)
  })
  const [, perSecond, requests, p95Ms, failed] =
    /RESULT (\S+) (\S+) (\S+) (\S+)/.exec(stdout)?.map(Number) ?? []
  if (failed !== 0) throw new Error(`not every request was answered well: ${stdout}`)
  return { perSecond: perSecond ?? 0, requests: requests ?? 0, p95Ms: p95Ms ?? 0 }
}

function buildScript(shots: readonly RequestTemplate[]): string {
  const requests = shots.map(({ method, path, token, body }) => {
    const headers = `{["authorization"]="Bearer ${token}",["content-type"]="application/json"}`
    return `wrk.format(${JSON.stringify(method)}, ${JSON.stringify(path)}, ${headers}, ${body === undefined ? 'nil' : JSON.stringify(body)})`
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
  io.write(string.format("RESULT %f %d %f %d\\n", summary.requests / (summary.duration / 1e6), summary.requests, latency:percentile(95) / 1000, e.connect + e.read + e.write + e.status + e.timeout))
end
`
}

/**
 * By contender, its share of the first's in each round. Whoever is measured first changes from round to
 * round.
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
    bench.print(
      `${what}: ${contenders.map((contender) => `${contender.name} ${rates.get(contender)?.toFixed(0)}/s`).join(', ')}`,
    )
  }
  return found
}

/** Warming up goes on while it makes this much of a difference, and as often at most. */
const minSpeedup = 1.03
const maxWarmups = 8

/**
 * Until it gets no faster: V8 needs half a minute for a whole service, and a few seconds for the forty lines
 * of raw.ts.
 */
async function warmUp(bench: Bench, base: string, shot: RequestTemplate): Promise<void> {
  let [best, rate] = [0, 0]
  for (let times = 0; times < maxWarmups && rate >= best * minSpeedup; times += 1) {
    best = Math.max(best, rate)
    rate = (await runLoad(bench, base, [shot], 4)).perSecond
  }
}

/** One claim about speed or size, and what is measured for it. */
export interface Section {
  name: string
  /** What is measured against what, in a line. */
  about: string
  run: (bench: Bench) => Promise<Figure[]>
}

/** A measured figure and the goal it has. */
export interface Figure {
  what: string
  value: string
  goal: string
  met: boolean
}

/** What sections share. */
export interface Bench {
  /** Rounds of each comparison. */
  rounds: number
  /** Seconds of load in each. */
  seconds: number
  /** A PostgreSQL for this bench only. */
  databaseUrl: string
  /** For logs and scripts; gone afterwards. */
  folder: string
  print: (line: string) => void
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2
}

/** Median with the range, so that a noisy machine shows. */
export function formatSpread(values: readonly number[], format: (value: number) => string): string {
  return `${format(median(values))} (${format(Math.min(...values))}–${format(Math.max(...values))} in ${values.length})`
}
