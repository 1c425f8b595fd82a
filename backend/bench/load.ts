import { execFile, execFileSync } from 'node:child_process'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

export interface Load {
  url: string
  token: string
  /** Sent by POST; absent: GET. */
  body?: string
  seconds: number
  connections: number
}

const hasWrk = canRun('wrk', ['-v'])

/** Requests per second that were answered well. Made by wrk, which costs little of the machine, else by autocannon. */
export async function requestsPerSecond(load: Load): Promise<number> {
  return hasWrk ? byWrk(load) : byAutocannon(load)
}

async function byWrk({ url, token, body, seconds, connections }: Load): Promise<number> {
  const script = join(mkdtempSync(join(tmpdir(), 'todo-bench-')), 'load.lua')
  const lines = [`wrk.headers["authorization"] = "Bearer ${token}"`]
  if (body !== undefined) lines.push('wrk.method = "POST"', `wrk.headers["content-type"] = "application/json"`, `wrk.body = ${JSON.stringify(body)}`)
  writeFileSync(script, lines.join('\n'))
  const { stdout } = await run('wrk', ['-t', '1', '-c', String(connections), '-d', `${seconds}s`, '-s', script, url])
  if (/Non-2xx|Socket errors/.test(stdout)) throw new Error(`not every request was answered well: ${stdout}`)
  return Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1])
}

async function byAutocannon({ url, token, body, seconds, connections }: Load): Promise<number> {
  const post = body === undefined ? [] : ['-m', 'POST', '-H', 'content-type=application/json', '-b', body]
  const { stdout } = await run('npx', ['autocannon', '--json', '-c', String(connections), '-d', String(seconds), '-H', `authorization=Bearer ${token}`, ...post, url], { maxBuffer: 1e8 })
  const result = JSON.parse(stdout) as { non2xx: number; errors: number; requests: { average: number } }
  if (result.non2xx + result.errors > 0) throw new Error(`${result.non2xx + result.errors} requests were not answered well`)
  return result.requests.average
}

function canRun(program: string, args: readonly string[]): boolean {
  try {
    execFileSync(program, args, { stdio: 'ignore' })
    return true
  } catch (error) {
    // wrk ends with 1 after it has printed its version.
    return error instanceof Error && 'status' in error && typeof error.status === 'number'
  }
}
