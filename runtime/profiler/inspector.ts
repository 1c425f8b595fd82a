import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { readGroupUsage } from '../processes/index.ts'
import type { CaptureResult } from './call-tree.ts'
import { countSamples, cpuProfileSchema, readCpuProfile } from './cpu-profile.ts'
import { findNodeProcess, openInspector } from './inspector-port.ts'

/** What is profiled, and for how long. */
export interface CapturePlan {
  /** The worktree of the process: files are named relative to it. */
  root: string
  durationMs: number
  /** Requests that it has answered so far. */
  countRequests: () => number
  signal: AbortSignal
}

/** Five samples a millisecond: a handler that takes 5 % of 1,000 requests of 1 ms has 250. */
const intervalMicroseconds = 200

/**
 * Profiles the Node process of a group by V8's own profiler. Its inspector is opened on a free port of the
 * loopback address, and closed again.
 */
export async function captureFromInspector(group: number, plan: CapturePlan): Promise<CaptureResult> {
  const pid = findNodeProcess(group)
  if (pid === undefined)
    return {
      state: 'failed',
      reason: 'it is not a Node process whose inspector can be opened: set target.profile to a pprof path',
    }
  try {
    plan.signal.throwIfAborted()
    const port = await openInspector(pid)
    if (port === undefined) return { state: 'failed', reason: `process ${pid} did not open its inspector` }
    const session = await connect(port, plan.signal)
    try {
      return await capture(session, pid, plan)
    } finally {
      await session.end()
    }
  } catch (error) {
    return { state: 'failed', reason: error instanceof Error ? error.message : String(error) }
  }
}

async function capture(session: Session, pid: number, plan: CapturePlan): Promise<CaptureResult> {
  await session.send('Profiler.enable')
  await session.send('Profiler.setSamplingInterval', { interval: intervalMicroseconds })
  await session.send('Profiler.start')
  const [before, requestsBefore] = [readMainThreadMs(pid), plan.countRequests()]
  await sleep(plan.durationMs, undefined, { signal: plan.signal })
  const [after, requestsAfter] = [readMainThreadMs(pid), plan.countRequests()]
  const stopped = z.object({ profile: cpuProfileSchema }).safeParse(await session.send('Profiler.stop'))
  if (!stopped.success) return { state: 'failed', reason: 'its profile has an unknown form' }
  const roots = readCpuProfile(stopped.data.profile, plan.root)
  const samples = countSamples(roots)
  if (samples === 0) return { state: 'failed', reason: 'its profile is empty' }
  const sampleMs =
    before === undefined || after === undefined ? intervalMicroseconds / 1000 : (after - before) / samples
  return { state: 'ok', profile: { roots, sampleMs, requests: requestsAfter - requestsBefore } }
}

/** CPU time of the thread that runs JavaScript. */
function readMainThreadMs(pid: number): number | undefined {
  return readGroupUsage(pid)?.threads.get(pid)
}

/** A connection to an inspector. */
interface Session {
  send: (method: string, params?: object) => Promise<unknown>
  /** Closes the inspector, which closes the connection. */
  end: () => Promise<void>
}

const answerSchema = z.object({
  id: z.number(),
  result: z.unknown(),
  error: z.object({ message: z.string() }).optional(),
})
const maxAnswerBytes = 64 * 2 ** 20
const connectTimeoutMs = 5000
const closeTimeoutMs = 2000

/** Connects even if the profile is no longer wanted: only a connection can close the inspector. */
async function connect(port: number, wanted: AbortSignal): Promise<Session> {
  const limited = AbortSignal.timeout(connectTimeoutMs)
  const listed = await fetch(`http://127.0.0.1:${port}/json/list`, { signal: limited, redirect: 'error' })
  const [target] = z.array(z.object({ id: z.string() })).parse(await listed.json())
  const socket = new WebSocket(`ws://127.0.0.1:${port}/${encodeURIComponent(target?.id ?? '')}`)
  const waiting = new Map<number, (answer: z.infer<typeof answerSchema> | Error) => void>()
  const fail = (reason: string): void => {
    for (const settle of waiting.values()) settle(new Error(reason))
    waiting.clear()
  }
  const closed = new Promise<void>((resolve) => {
    socket.addEventListener('close', () => {
      fail('its inspector closed the connection')
      resolve()
    })
    socket.addEventListener('error', () => resolve())
  })
  socket.addEventListener('message', ({ data }) => {
    if (typeof data !== 'string' || data.length > maxAnswerBytes)
      return fail('its inspector answered too much')
    const answer = answerSchema.safeParse(JSON.parse(data))
    // What has no id is an event.
    if (!answer.success) return
    waiting.get(answer.data.id)?.(answer.data)
    waiting.delete(answer.data.id)
  })
  await new Promise<void>((resolve, reject) => {
    socket.addEventListener('open', () => resolve())
    socket.addEventListener('error', () => reject(new Error('its inspector refused the connection')))
    limited.addEventListener('abort', () => reject(new Error('its inspector accepted no connection')))
  })
  const notWanted = 'interrupted, or not profiled in time'
  wanted.addEventListener('abort', () => fail(notWanted))
  let id = 0
  const send = async (method: string, params: object = {}): Promise<unknown> => {
    if (wanted.aborted) throw new Error(notWanted)
    const number = (id += 1)
    const answer = await new Promise<z.infer<typeof answerSchema> | Error>((resolve) => {
      waiting.set(number, resolve)
      socket.send(JSON.stringify({ id: number, method, params }))
    })
    if (answer instanceof Error) throw answer
    if (answer.error !== undefined) throw new Error(`${method}: ${answer.error.message}`)
    return answer.result
  }
  return {
    send,
    end: async () => {
      // It may close the connection before it answers.
      const params = { expression: 'process._debugEnd()' }
      socket.send(JSON.stringify({ id: (id += 1), method: 'Runtime.evaluate', params }))
      await Promise.race([closed, sleep(closeTimeoutMs, undefined, { ref: false })])
      socket.close()
    },
  }
}
