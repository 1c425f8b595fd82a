import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'vitest'
import { listPids, readCommandLine } from '../../../../runtime/processes/index.ts'
import { findTool } from '../../../../runtime/tools/index.ts'
import type { LoadEnvironment, LoadPlan, LoadProgress, LoadResult, Measurement } from '../../../engine.ts'
import { createK6Engine } from '../index.ts'
import { startRunningClock } from '../../../../runtime/testing/running-clock.ts'

/** A run of the engine with the real k6, or with a script in its place, in a folder of its own. */
export interface Run {
  result: LoadResult
  progress: LoadProgress[]
  edges: string[]
  /** What the script printed. */
  console: string[]
  /** Without the time in which this process could not run. */
  tookMs: number
  /** Of the run's files, until the test is over. */
  folder: string
}

export interface RunOptions {
  url: string
  /** Text of the journeys module, or of the user's script. */
  source: string
  kind?: 'journeys' | 'script'
  mix?: Record<string, number>
  /** Next to the source. */
  files?: Record<string, string>
  /** Of a script. */
  env?: Record<string, string>
  plan?: Partial<LoadPlan>
  /** A shell script that runs in place of k6; `$K6` is the real one. */
  wrapper?: string
  lookUp?: LoadEnvironment['lookUp']
  /** Called at each progress; may abort. */
  onProgress?: (progress: LoadProgress, interrupt: () => void) => void
}

export async function k6Path(): Promise<string> {
  const tool = await findTool('k6', {
    env: process.env,
    progress: () => undefined,
    signal: new AbortController().signal,
  })
  if (tool.state === 'missing') throw new Error(`${tool.reason}: ${tool.whatToDo}`)
  return tool.path
}

/** One journey `home` with one step `get`. */
export const home = `export default [{ name: 'home', steps: [
  { name: 'get', request: (ctx) => ({ method: 'GET', path: '/' + ctx.unique }) },
] }]`

export async function runEngine(
  { onTestFinished }: Pick<TestContext, 'onTestFinished'>,
  options: RunOptions,
): Promise<Run> {
  const folder = await mkdtemp(join(tmpdir(), 'vigil k6-'))
  onTestFinished(async () => rm(folder, { recursive: true, force: true }))
  const source = join(folder, options.kind === 'script' ? 'script.js' : 'journeys.ts')
  await writeFile(source, options.source)
  for (const [name, text] of Object.entries(options.files ?? {})) await writeFile(join(folder, name), text)
  const k6 = await k6Path()
  const path = options.wrapper === undefined ? k6 : join(folder, 'k6')
  if (options.wrapper !== undefined)
    await writeFile(path, `#!/bin/sh\nK6='${k6}'\n${options.wrapper}\n`, { mode: 0o700 })
  const progress: LoadProgress[] = []
  const edges: string[] = []
  const console: string[] = []
  const interrupt = new AbortController()
  const clock = startRunningClock()
  const result = await createK6Engine(path).run(planOf(options, source), {
    folder,
    signal: interrupt.signal,
    progress: (report) => {
      progress.push(report)
      options.onProgress?.(report, () => interrupt.abort())
    },
    measuring: (edge) => edges.push(edge),
    console: (line) => console.push(line),
    ...(options.lookUp && { lookUp: options.lookUp }),
  })
  expectNothingLeft(folder)
  return { folder, result, progress, edges, console, tookMs: clock.elapsedMs() }
}

/** The measurement of a result; throws when it has none. */
export function measured({ result }: Run): Measurement {
  if (result.state !== 'ok') throw new Error(`expected a measurement, got ${JSON.stringify(result)}`)
  return result.measurement
}

/**
 * Why k6 was the limit of a run, without what a machine causes that stops k6 now and then: that is the right
 * answer on such a machine. Which facts lead to which reason is tested in `generator.test.ts`.
 */
export function saturationWithoutStalls({ saturation }: Measurement): string[] {
  return saturation.filter((reason) => !/starved of CPU|could not keep up/.test(reason))
}

export function planOf(
  { url, kind = 'journeys', mix = { home: 1 }, env, plan }: RunOptions,
  source: string,
): LoadPlan {
  return {
    run: 'r1',
    suite: 'test',
    targetUrl: url,
    source:
      kind === 'script'
        ? { kind, path: source, ...(env && { env }) }
        : {
            kind,
            module: source,
            mix: Object.entries(mix).map(([journey, weight]) => ({ journey, weight })),
          },
    load: { model: 'arrival-rate', ratePerSecond: 50 },
    warmupMs: 0,
    durationMs: 1500,
    requestTimeoutMs: 5000,
    ...plan,
  }
}

// Every process of a run has its folder in its command line; none may be left when the engine has returned.
function expectNothingLeft(folder: string): void {
  const left = listPids()
    .map((pid) => readCommandLine(pid).join(' '))
    .filter((line) => line.includes(folder))
  if (left.length > 0) throw new Error(`left running: ${left.join('; ')}`)
}
