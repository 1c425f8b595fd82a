import { spawn } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Config } from '../config/index.ts'
import { readResidentBytes, startChild } from '../runtime/processes/index.ts'
import type { Run } from '../record/index.ts'
import { freePort, waitReady } from '../runtime/services/index.ts'
import { median } from '../record/statistics/index.ts'

/** Starts the bench's service and gives its URL to `use`; ends it afterwards. */
export async function withService<T>(bench: Bench, use: (url: string) => Promise<T>): Promise<T> {
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const service = startChild(process.execPath, [join(bench.root, 'bench/service.ts')], {
    env: { PORT: String(port) },
  })
  try {
    if ((await waitReady(url, '/', { timeoutMs: 10_000, signal: new AbortController().signal })) !== 'ready')
      throw new Error(`the bench's service did not start: ${service.tail('stderr')}`)
    return await use(url)
  } finally {
    await service.stop(1000)
  }
}

export interface Finished {
  code: number | null
  wallMs: number
  /** Of the process itself, without its children; sampled. */
  maxRssBytes: number
  stdout: string
  stderr: string
}

/** Runs a command to its end, watching its memory. */
export async function runCommand(
  command: string,
  args: readonly string[],
  cwd: string,
  env: NodeJS.ProcessEnv = process.env,
): Promise<Finished> {
  const began = performance.now()
  const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] })
  let stdout = ''
  let stderr = ''
  let maxRssBytes = 0
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  const sampling = setInterval(() => (maxRssBytes = Math.max(maxRssBytes, rssOf(child.pid))), 200)
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  clearInterval(sampling)
  return { code, wallMs: performance.now() - began, maxRssBytes, stdout, stderr }
}

/** Resident memory of a process in bytes; 0 when it has ended. */
export function rssOf(pid: number | undefined): number {
  return (pid === undefined ? undefined : readResidentBytes(pid)) ?? 0
}

const journeys = `export default [
  { name: 'fast', steps: [{ name: 'get', request: () => ({ method: 'GET', path: '/' }) }] },
  { name: 'timed', steps: [{ name: 'get', request: () => ({ method: 'GET', path: '/timed' }) }] },
]
`

/** One `vigil load` of a suite against a URL: its record, and what vigil's own process took. */
export async function vigilLoad(
  bench: Bench,
  url: string,
  suite: Config['suites'][string],
  { args: more = [], env = process.env }: { args?: string[]; env?: NodeJS.ProcessEnv } = {},
): Promise<{ run: Run; finished: Finished; out: string }> {
  const folder = join(bench.folder, `vigil-${suite.engine}`)
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'journeys.mjs'), journeys)
  const config: Config = {
    target: { url },
    journeys: './journeys.mjs',
    suites: { bench: suite },
    budgets: { errorRate: 0.5 },
  }
  writeFileSync(join(folder, 'vigil.config.mjs'), `export default ${JSON.stringify(config)}\n`)
  const out = join(bench.root, '.vigil', 'bench')
  const args = [
    'load',
    'bench',
    '--json',
    '--quiet',
    '--config',
    'vigil.config.mjs',
    '--target',
    url,
    '--out',
    out,
    ...more,
  ]
  const finished = await runCommand(join(bench.root, 'vigil'), args, folder, env)
  if (finished.stdout === '')
    throw new Error(`vigil load ended with ${finished.code}: ${finished.stderr.trim()}`)
  const run: Run = JSON.parse(finished.stdout)
  return { run, finished, out }
}

/** One claim about speed or size, measured side by side with what it is compared with. */
export interface Section {
  name: string
  /** What is compared with what, in a line. */
  about: string
  run: (bench: Bench) => Promise<Figure[]>
}

/** A measured figure and the goal it has; `met` is left out where there is no goal. */
export interface Figure {
  what: string
  value: string
  goal?: string
  met?: boolean
}

/** What sections share. */
export interface Bench {
  /** Rounds of each comparison. */
  rounds: number
  /** Absolute path of the checkout. */
  root: string
  /** A fresh folder for this bench's files. */
  folder: string
  say: (text: string) => void
}

/** Median with the range, so that a noisy machine shows. */
export function spreadOf(values: readonly number[], format: (value: number) => string): string {
  return (
    `${format(median(values))} (${format(Math.min(...values))}–${format(Math.max(...values))} in ` +
    `${values.length})`
  )
}

/**
 * Measures two things in turn, each first in every other round, and gives the ratios a / b round by round:
 * what drifts in the machine touches both alike.
 */
export async function ratios(
  rounds: number,
  a: () => Promise<number>,
  b: () => Promise<number>,
): Promise<number[]> {
  const found: number[] = []
  for (let round = 0; round < rounds; round += 1) {
    const first = round % 2 === 0 ? await a() : undefined
    const other = await b()
    const value = first ?? (await a())
    found.push(value / other)
  }
  return found
}
