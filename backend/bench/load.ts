import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Bench } from './section.ts'

const run = promisify(execFile)

/** One kind of request. */
export interface Shot {
  method: string
  path: string
  token: string
  body?: string
}

export interface Measured {
  requests: number
  perSecond: number
  p95Ms: number
}

/** More than the pools have places, so that PostgreSQL always has something to do and what is compared is the work for a request. */
const connections = 16
let scripts = 0

/**
 * Keeps 16 connections busy with `shots`, in turn, for some seconds: by wrk, a closed model that costs little of the
 * machine. Rejects when a request was not answered well.
 */
export async function loaded(
  bench: Bench,
  base: string,
  shots: readonly Shot[],
  seconds = bench.seconds,
): Promise<Measured> {
  const script = join(bench.folder, `load-${(scripts += 1)}.lua`)
  await writeFile(script, scriptOf(shots))
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

function scriptOf(shots: readonly Shot[]): string {
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
