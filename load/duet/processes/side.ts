import { existsSync } from 'node:fs'
import { realpath } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { freePort } from '../../../runtime/services/index.ts'
import type { RunningService, StartResult } from '../../../runtime/services/index.ts'
import { captureFromInspector, captureFromPprof, withInspectorPort } from '../../../runtime/profiler/index.ts'
import type { CapturePlan, CaptureResult } from '../../../runtime/profiler/index.ts'
import { requestMetrics, startTarget } from '../../../runtime/target/index.ts'
import type { MetricsAnswer } from '../../../runtime/target/index.ts'
import type { SideDatabase } from './database.ts'
import { pinCommand, readGroupCpuMs } from '../../../runtime/processes/index.ts'
import type { SideReader } from '../process-readings.ts'

/** How a side is started: the config's target, in a folder of its own. */
export interface SideLaunch {
  /** The config's `target.url`; the port in it is replaced by a free one. */
  url: string
  command: readonly string[]
  ready: string
  /** Path of its Prometheus metrics, if it has any. */
  metrics: string | undefined
  /** Path of its pprof profile, if it has one. */
  profile?: string | undefined
  cwd: string
  /** Its whole environment, but for the port and the database. */
  env: NodeJS.ProcessEnv
  database: SideDatabase | undefined
  /** The cores that it is restricted to. */
  cores: string | undefined
  logFile: string
}

/** A side that answers: started by vigil, or running elsewhere. */
export interface RunningSide extends RunningService {
  url: string
  reader: SideReader
  /** How it refuses the metrics that the config names; undefined when it does not. */
  metricsRefusal: () => Promise<MetricsRefusal | undefined>
  /** Records where its CPU time goes. */
  captureProfile: (plan: Omit<CapturePlan, 'root'>) => Promise<CaptureResult>
}

const bootTimeoutMs = 60_000
const metricsTimeoutMs = 1000

/**
 * Starts a side on a free port: in `PORT`, and wherever its command or environment says `{port}`. Its
 * database is in `DATABASE_URL`. `SERVER_TIMING=on` asks it to report its database time and statements with
 * each answer, if it supports that.
 */
export async function startSide(launch: SideLaunch, signal: AbortSignal): Promise<StartResult<RunningSide>> {
  const port = String(await freePort())
  const url = new URL(launch.url)
  url.port = port
  const started = await startTarget({
    url: url.href,
    command: pinCommand(launch.command, launch.cores),
    ready: launch.ready,
    cwd: launch.cwd,
    env: {
      SERVER_TIMING: 'on',
      ...launch.env,
      NODE_OPTIONS: withInspectorPort(launch.env['NODE_OPTIONS']),
      PORT: port,
      ...(launch.database && { DATABASE_URL: launch.database.url }),
    },
    timeoutMs: bootTimeoutMs,
    logFile: launch.logFile,
    signal,
  })
  if (started.state === 'failed') return started
  const { pid, ended, lastOutput, stop } = started.service
  const href = url.href.replace(/\/$/, '')
  const root = await findWorktree(launch.cwd)
  return {
    state: 'ok',
    service: {
      url: href,
      captureProfile: async (plan) =>
        launch.profile === undefined
          ? captureFromInspector(pid, { ...plan, root })
          : captureFromPprof(`${href}${launch.profile}`, { ...plan, root }),
      ...createReader(
        href,
        launch.metrics,
        launch.env['METRICS_TOKEN'],
        {
          cpuMs: () => readGroupCpuMs(pid),
          databaseCpuMs: launch.database?.cpuMs ?? unknown,
        },
        signal,
      ),
      ended,
      lastOutput,
      stop,
    },
  }
}

/** A side that runs elsewhere: its CPU time is unknown. */
export function connectSide(
  url: string,
  {
    metrics,
    token,
    profile,
  }: { metrics?: string | undefined; token?: string | undefined; profile?: string | undefined },
  signal: AbortSignal,
): RunningSide {
  return {
    url,
    captureProfile: async (plan) =>
      profile === undefined
        ? { state: 'failed', reason: 'vigil did not start it: set target.profile to a pprof path' }
        : captureFromPprof(`${url.replace(/\/$/, '')}${profile}`, { ...plan, root: '' }),
    ...createReader(url, metrics, token, { cpuMs: unknown, databaseCpuMs: unknown }, signal),
    // Its end cannot be observed.
    ended: new Promise(() => undefined),
    lastOutput: () => '',
    stop: async () => undefined,
  }
}

/** The top folder of the checkout that a folder is in, as the process sees it; else the folder itself. */
async function findWorktree(folder: string): Promise<string> {
  const real = await realpath(folder)
  for (let at = real; ; at = dirname(at)) {
    if (existsSync(join(at, '.git'))) return at
    if (dirname(at) === at) return real
  }
}

const unknown = (): undefined => undefined

type MetricsRefusal = Extract<MetricsAnswer, { state: 'failed' }>

/** What a side's own metrics show, and whether it refuses them. */
function createReader(
  url: string,
  path: string | undefined,
  token: string | undefined,
  cpu: Pick<SideReader, 'cpuMs' | 'databaseCpuMs'>,
  signal: AbortSignal,
): Pick<RunningSide, 'reader' | 'metricsRefusal'> {
  const request = async () => requestMetrics({ url, path, token }, { timeoutMs: metricsTimeoutMs, signal })
  return {
    reader: {
      ...cpu,
      exposition: async () => {
        const answer = await request()
        return answer.state === 'ok' ? answer.text : undefined
      },
    },
    metricsRefusal: async () => {
      const answer = await request()
      return answer.state === 'failed' ? answer : undefined
    },
  }
}
