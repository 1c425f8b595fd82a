import { planPinning } from '../../../runtime/processes/index.ts'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { loadJourneys } from '../../../journeys/client/index.ts'
import { environmentOf } from '../../../record/index.ts'
import { requireTool } from '../../../runtime/tools/index.ts'
import { runDuet } from '../duet.ts'
import type { DuetRequest } from '../attempt.ts'
import type { DuetOutcome } from '../duet.ts'
import type { Side } from '../../engines/k6/k6-runtime/wire.ts'
import { startSide } from '../processes/side.ts'
import type { RunningSide } from '../processes/side.ts'

const journeys = `
const get = (name) => ({ name, request: () => ({ method: 'GET', path: '/' + name }) })
export default [{ name: 'visit', steps: [get('fast'), get('slow')] }]
`

/** Starts services and runs quick duets of two of them, with units of a third of a second. */
export interface Workbench {
  start: (env: Record<string, string>) => Promise<RunningSide>
  duet: (baseline: RunningSide, candidate: RunningSide) => Promise<DuetOutcome>
  /** A duet that starts the service itself, for both sides, and profiles a fail. */
  duetOfProcesses: (candidate: Record<string, string>) => Promise<DuetOutcome>
  /** The same, of a service whose package `answer` is upgraded; the texts are its two versions. */
  duetOfDependency: (versions: Record<Side, string>) => Promise<DuetOutcome>
  end: () => Promise<void>
}

export async function openWorkbench(): Promise<Workbench> {
  const folder = mkdtempSync(join(tmpdir(), 'vigil-duet-'))
  const module = join(folder, 'journeys.mjs')
  writeFileSync(module, journeys)
  const loaded = await loadJourneys(module)
  if (loaded.state === 'usage-error') throw new Error(loaded.reason)
  const k6 = await requireTool('k6')
  const running: RunningSide[] = []
  let count = 0
  const next = (what: string): string => join(folder, `${what}-${(count += 1)}`)
  const { signal } = new AbortController()
  const command = [process.execPath, fileURLToPath(new URL('service.mjs', import.meta.url))]
  const run = async (request: Pick<DuetRequest, 'source' | 'targets' | 'profile'>): Promise<DuetOutcome> => {
    const progress = { phase: () => undefined, warming: () => undefined, measured: () => undefined }
    const ended = await runDuet(
      {
        run: 'duet',
        suite: {
          name: 'test-duet',
          module,
          journeys: loaded.journeys,
          mix: [{ journey: 'visit', weight: 1 }],
          ratePerSecond: 40,
          requestTimeoutMs: 5000,
          pace: { unitMs: 300, minWarmUpMs: 600, maxWarmUpMs: 1200 },
        },
        environment: environmentOf({
          os: 'test',
          kernel: '',
          arch: '',
          cpuModel: '',
          cores: 2,
          memoryBytes: 0,
          node: '',
          engine: 'k6',
        }),
        rules: {},
        pairs: 8,
        deadlineMs: performance.now() + 60_000,
        ...request,
      },
      {
        k6,
        env: process.env,
        signal,
        monotonicMs: () => performance.now(),
        wallMs: Date.now,
        random: Math.random,
        pinning: await planPinning(process.pid),
        scratch: next('scratch'),
        logs: next('logs'),
        progress,
      },
    )
    if (ended.state === 'usage-error') throw new Error(ended.reason)
    return ended.outcome
  }
  const launch = (env: Record<string, string>) => ({
    url: 'http://127.0.0.1:1',
    command,
    ready: '/fast',
    metrics: undefined,
    cwd: fileURLToPath(new URL('.', import.meta.url)),
    env: { ...process.env, ...env },
  })
  const installed = (version: string, env: Record<string, string>) => {
    const cwd = next('service')
    mkdirSync(join(cwd, 'node_modules', 'answer'), { recursive: true })
    writeFileSync(join(cwd, 'node_modules', 'answer', 'index.js'), version)
    return { ...launch({ DEPENDENCY: 'answer', ...env }), cwd }
  }
  const runProcesses = async (sides: Record<Side, ReturnType<typeof launch>>): Promise<DuetOutcome> =>
    run({
      source: { kind: 'processes', launch: sides, template: undefined },
      targets: { baseline: { url: 'http://127.0.0.1:1' }, candidate: { url: 'http://127.0.0.1:1' } },
      profile: true,
    })
  return {
    start: async (env) => {
      const started = await startSide(
        { ...launch(env), database: undefined, cores: undefined, logFile: next('log') },
        signal,
      )
      if (started.state === 'failed') throw new Error(started.reason)
      running.push(started.service)
      return started.service
    },
    duet: async (baseline, candidate) =>
      run({
        source: {
          kind: 'urls',
          urls: { baseline: baseline.url, candidate: candidate.url },
          metrics: undefined,
          token: undefined,
        },
        targets: { baseline: { url: baseline.url }, candidate: { url: candidate.url } },
      }),
    duetOfProcesses: async (candidate) =>
      runProcesses({ baseline: launch({}), candidate: launch(candidate) }),
    duetOfDependency: async ({ baseline, candidate }) =>
      runProcesses({
        baseline: installed(baseline, {}),
        // More statements need no confirmation.
        candidate: installed(candidate, { STATEMENTS: '21' }),
      }),
    end: async () => {
      await Promise.all(running.map(async (side) => side.stop()))
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
