import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach } from 'vitest'
import { listPids, readCommandLine } from '../../../../runtime/processes/index.ts'
import type {
  EndpointMeasurement,
  LoadEnvironment,
  LoadPlan,
  LoadProgress,
  LoadResult,
  Measurement,
} from '../../../engine.ts'
import { autocannonEngine } from '../index.ts'
import type { LaunchOptions } from '../load-process.ts'
import { startRunningClock } from '../../../../runtime/testing/running-clock.ts'

/** The result of a load, its progress, and what it left behind. */
export interface Loaded {
  result: LoadResult
  edges: string[]
  progress: LoadProgress[]
  /** Files in its folder, and processes that name it. */
  left: string[]
  /** Without the time in which this process could not run. */
  tookMs: number
}

export interface Wanted {
  url: string
  /** Text of the journeys module behind `export default`. */
  journeys: string
  mix?: Record<string, number>
  connections?: number
  shards?: number
  warmupMs?: number
  durationMs?: number
  requestTimeoutMs?: number
  launch?: Partial<LaunchOptions>
  signal?: AbortSignal
  lookUp?: LoadEnvironment['lookUp']
  onProgress?: (progress: LoadProgress, folder: string) => void
}

/** One step that gets `/`. */
export const home =
  "[{ name: 'home', steps: [{ name: 'get', request: () => ({ method: 'GET', path: '/' }) }] }]"

const root = mkdtempSync(join(tmpdir(), 'vigil-autocannon-'))
let runs = 0
process.on('exit', () => rmSync(root, { recursive: true, force: true }))

const endings: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const end of endings.splice(0)) await end()
})

/** Closes a target after the test. */
export async function until<T extends { close: () => Promise<void> }>(target: Promise<T>): Promise<T> {
  const made = await target
  endings.push(made.close)
  return made
}

export async function load(wanted: Wanted): Promise<Loaded> {
  runs += 1
  const folder = join(root, `run-${runs}`)
  mkdirSync(folder)
  const module = join(root, `journeys-${runs}.mjs`)
  writeFileSync(module, `export default ${wanted.journeys}\n`)
  const observed: Pick<Loaded, 'edges' | 'progress'> = { edges: [], progress: [] }
  const clock = startRunningClock()
  const result = await autocannonEngine(wanted.launch).run(planOf(wanted, module), {
    folder,
    signal: wanted.signal ?? new AbortController().signal,
    progress: (progress) => {
      observed.progress.push(progress)
      wanted.onProgress?.(progress, folder)
    },
    measuring: (edge) => observed.edges.push(edge),
    ...(wanted.lookUp && { lookUp: wanted.lookUp }),
  })
  return {
    result,
    ...observed,
    left: [...readdirSync(folder), ...processesNaming(folder)],
    tookMs: clock.elapsedMs(),
  }
}

function planOf(
  {
    url,
    mix = { home: 1 },
    connections = 2,
    warmupMs = 0,
    durationMs = 400,
    requestTimeoutMs = 10_000,
    shards,
  }: Wanted,
  module: string,
): LoadPlan {
  return {
    run: 'run',
    suite: 'suite',
    targetUrl: url,
    source: {
      kind: 'journeys',
      module,
      mix: Object.entries(mix).map(([journey, weight]) => ({ journey, weight })),
    },
    load: { model: 'connections', connections },
    ...(shards !== undefined && { shards }),
    warmupMs,
    durationMs,
    requestTimeoutMs,
  }
}

/** @throws Error with what came instead */
export function measurementOf({ result }: Loaded): Measurement {
  if (result.state !== 'ok') throw new Error(`not measured: ${JSON.stringify(result)}`)
  return result.measurement
}

/** @throws Error when the step was not measured */
export function stepOf(loaded: Loaded, step = 'home/get'): EndpointMeasurement {
  const measured = measurementOf(loaded).endpoints[step]
  if (measured === undefined) throw new Error(`${step} was not measured`)
  return measured
}

/** Requests and errors of one step. */
export function countsOf(loaded: Loaded, step?: string): { requests: number; errors: number } {
  const { requests, errors } = stepOf(loaded, step)
  return { requests, errors }
}

/** Command lines of the processes that name `text`, but for zombies. Linux; elsewhere none are found. */
export function processesNaming(text: string): string[] {
  return processIds(text).map(({ line }) => line)
}

export function processIds(text: string): { pid: number; line: string }[] {
  return listPids()
    .map((pid) => ({ pid, line: readCommandLine(pid).join(' ').trim() }))
    .filter(({ line }) => line.includes(text))
}
