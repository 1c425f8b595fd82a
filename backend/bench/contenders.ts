import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { Client, eventually } from '../testing/index.ts'

const main = fileURLToPath(new URL('../main.ts', import.meta.url))
const raw = fileURLToPath(new URL('raw.ts', import.meta.url))
const listening = z.object({ port: z.number() })

/** The settings that all sections share. */
export interface Bench {
  /** The number of rounds of each comparison. */
  rounds: number
  /** The seconds of load in each round. */
  seconds: number
  /** The PostgreSQL of this benchmark. */
  databaseUrl: string
  /** For logs and scripts; removed afterwards. */
  folder: string
  print: (line: string) => void
}

/**
 * A server in its own process. Its output goes to a file, because reading it would use CPU time during the
 * measurement.
 */
export interface Contender {
  name: string
  base: string
  client: Client
  pid: number
  /** The time from the start of the process until it was ready. */
  startMs: number
  end: () => Promise<void>
}

let started = 0

async function startContender(
  bench: Bench,
  name: string,
  script: string,
  env: Record<string, string>,
  readyMessage: string,
): Promise<Contender> {
  const logPath = join(bench.folder, `contender-${(started += 1)}.log`)
  const log = openSync(logPath, 'w')
  const startedAt = performance.now()
  const child = spawn(process.execPath, [script], {
    cwd: bench.folder,
    env: { PATH: process.env['PATH'], PORT: '0', DATABASE_URL: bench.databaseUrl, ...env },
    stdio: ['ignore', log, 'inherit'],
  })
  closeSync(log)
  await eventually(`${name} is ready`, 60_000, async () =>
    (await readFile(logPath, 'utf8')).includes(`"message":"${readyMessage}"`),
  )
  const startMs = performance.now() - startedAt
  const line =
    (await readFile(logPath, 'utf8')).split('\n').find((one) => one.includes('"message":"listening"')) ?? ''
  const base = `http://127.0.0.1:${listening.parse(JSON.parse(line)).port}`
  return {
    name,
    base,
    client: new Client(base),
    pid: child.pid ?? 0,
    startMs,
    end: () => endContender(child),
  }
}

async function endContender(child: ChildProcess): Promise<void> {
  child.kill('SIGTERM')
  if (child.exitCode === null) await once(child, 'exit')
}

const everything = {
  AUTH_SECRET: 'a secret for the bench and nothing else',
  RATE_LIMIT_PER_MINUTE: '100000000',
  AUTH_RATE_LIMIT_PER_MINUTE: '100000000',
}

/** Starts the service with tokens, limits, metrics and logs. */
export function startService(
  bench: Bench,
  name: string,
  env: Record<string, string> = {},
): Promise<Contender> {
  return startContender(bench, name, main, { ...everything, ...env }, 'ready')
}

/** Starts raw.ts for the tasks of one user. */
export function startRaw(bench: Bench, userId: string): Promise<Contender> {
  return startContender(bench, 'raw', raw, { BENCH_USER: userId }, 'listening')
}

/** Reads one value from `/metrics`. */
export async function readMetric({ client }: Contender, name: string): Promise<number> {
  const { text } = await client.get('/metrics')
  return Number(new RegExp(`^${name} (\\S+)`, 'm').exec(text)?.[1])
}
