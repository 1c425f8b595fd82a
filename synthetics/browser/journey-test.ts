import type { APIRequestContext, APIResponse, TestInfo, test as PlaywrightTest } from '@playwright/test'
import {
  decodeBody,
  toRequestFailure,
  toHeaders,
  toResponse,
  userAgentFor,
} from '../../journeys/client/index.ts'
import type { Send, SendResult } from '../../journeys/client/index.ts'
import {
  startContext,
  toAddress,
  toRequestHeaders,
  toRequestTarget,
  findWireProblem,
} from '../../journeys/index.ts'
import type { Context, Journey, Secrets, Step, WireRequest } from '../../journeys/index.ts'
import { toOneLine } from '../../record/index.ts'
import type { Random, FailureClass } from '../../record/index.ts'
import { describeFailedStep } from '../attempt.ts'
import { playPolling, createTracedSender } from '../play.ts'
import type { TracedSender } from '../play.ts'

/** A journey and how it runs as one Playwright test. */
export interface JourneyRun {
  journey: Journey
  /** Playwright's `test.step`. */
  step: (title: string, body: () => Promise<void>) => Promise<void>
  newContext: () => Promise<APIRequestContext>
  targetUrl: string
  secrets?: Secrets
  testInfo: Pick<TestInfo, 'retry' | 'repeatEachIndex'>
  /** Differs from every other run's. */
  run: string
  random: Random
}

/** What a project's Playwright tests know of the target. */
export interface JourneyTestOptions {
  /** Without Playwright's `baseURL`. */
  targetUrl?: string
  secrets?: Secrets
}

/**
 * Adds one Playwright test for each journey, with Playwright's reports, traces, `-g` and `--repeat-each`.
 *
 * @param test Playwright's `test`, which the caller imports: two copies of Playwright in one process refuse
 *   each other
 */
export function testJourneys(
  test: typeof PlaywrightTest,
  journeys: readonly Journey[],
  { targetUrl, secrets }: JourneyTestOptions = {},
): void {
  test.describe('journeys', () => {
    for (const journey of journeys) {
      test(journey.name, async ({ playwright, baseURL }, testInfo) => {
        const url = baseURL ?? targetUrl
        if (url === undefined)
          throw new Error('no target: set `use.baseURL` in playwright.config, or pass `targetUrl`')
        await playAsTest({
          journey,
          step: async (title, body) => test.step(title, body),
          newContext: async () => playwright.request.newContext(),
          targetUrl: url,
          ...(secrets && { secrets }),
          testInfo,
          run: `${testInfo.testId}-${Date.now().toString(36)}-${testInfo.workerIndex}`,
          random: Math.random,
        })
      })
    }
  })
}

const requestTimeoutMs = 10_000

/**
 * Plays a journey with one test step for each of its steps. It cleans up after a failure too.
 *
 * @throws Error with the step, expected, found, and the trace
 */
export async function playAsTest({
  journey,
  step: inStep,
  newContext,
  targetUrl,
  secrets,
  testInfo,
  run,
  random,
}: JourneyRun): Promise<void> {
  const sender = createPlaywrightSender(newContext, targetUrl, requestTimeoutMs)
  const trace = createTracedSender(sender.send, random)
  let ctx = startContext(`${run}-${journey.name}`, testInfo.repeatEachIndex, testInfo.retry, {}, secrets)
  const play = async (steps: readonly Step[]): Promise<void> => {
    for (const step of steps) {
      await inStep(step.name, async () => {
        ctx = await playOne(step, ctx, trace)
      })
    }
  }
  try {
    const failure = await catchError(async () => {
      await play(journey.before ?? [])
      await play(journey.steps)
    })
    // The first failure matters most: a failed clean-up is usually its consequence.
    const cleanUpFailure = await catchError(async () => play(journey.after ?? []))
    const first = failure ?? cleanUpFailure
    if (first) throw first
  } finally {
    await sender.end()
  }
}

async function catchError(work: () => Promise<void>): Promise<Error | undefined> {
  try {
    await work()
    return undefined
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error))
  }
}

async function playOne(step: Step, ctx: Context, { send, addTraceId }: TracedSender): Promise<Context> {
  const played = await playPolling([step], ctx, send, new AbortController().signal)
  const failed = played.steps.find(({ ok }) => !ok)
  if (failed) throw new Error(describeFailedStep(addTraceId(failed)))
  return played.ctx
}

/** Sends a journey's requests with Playwright, so that its traces and reports contain them. */
export interface PlaywrightSender {
  send: Send
  /** Disposes the contexts that it created. */
  end: () => Promise<void>
}

/**
 * Creates a sender that uses Playwright's request context. It follows no redirect and retries nothing. After
 * a response with a cookie it replaces the context, because a journey states everything that it sends.
 *
 * Playwright reads a complete answer before its time limit can stop it (1 GB takes 2 GB of memory), so use
 * this only for trusted targets. `vigil probe` uses its own client.
 *
 * @param newContext such as `() => playwright.request.newContext()`
 */
export function createPlaywrightSender(
  newContext: () => Promise<APIRequestContext>,
  targetUrl: string,
  timeoutMs: number,
): PlaywrightSender {
  const address = toAddress(targetUrl)
  let current: APIRequestContext | undefined
  const exchange = async (request: WireRequest): Promise<APIResponse> => {
    current ??= await newContext()
    const url = `${address.protocol}//${address.host}${toRequestTarget(address, request.path)}`
    // As bytes: Playwright would encode a string that is not JSON as a JSON string.
    const data = request.body === undefined ? {} : { data: Buffer.from(request.body) }
    return current.fetch(url, {
      method: request.method,
      headers: { 'user-agent': userAgentFor('playwright'), ...toRequestHeaders(address, request.headers) },
      ...data,
      maxRedirects: 0,
      maxRetries: 0,
      failOnStatusCode: false,
      timeout: timeoutMs,
    })
  }
  const end = async (): Promise<void> => {
    await current?.dispose()
    current = undefined
  }
  const send: Send = async (request) => {
    const startedMs = performance.now()
    const problem = findWireProblem(request)
    if (problem !== undefined) return { state: 'failed', class: 'check', message: problem, durationMs: 0 }
    try {
      const answer = await exchange(request)
      const raw = answer.headersArray().flatMap(({ name, value }) => [name, value])
      const headers = toHeaders(raw)
      const text = await readText(answer, headers['content-encoding'])
      const durationMs = performance.now() - startedMs
      if (answer.headers()['set-cookie'] !== undefined) await end()
      return { state: 'ok', response: toResponse(answer.status(), headers, text), durationMs }
    } catch (error) {
      return {
        state: 'failed',
        ...toPlaywrightFailure(error),
        durationMs: performance.now() - startedMs,
      } satisfies SendResult
    }
  }
  return { send, end }
}

const decodedByPlaywright = new Set(['gzip', 'x-gzip', 'br', 'deflate'])
const maxBodyBytes = 64 * 1024 * 1024

async function readText(answer: APIResponse, contentEncoding: string | undefined): Promise<string> {
  const isDecoded = contentEncoding === undefined || decodedByPlaywright.has(contentEncoding)
  return decodeBody(await answer.body(), isDecoded ? undefined : contentEncoding, maxBodyBytes)
}

/** Classifies a failed request by the first line of Playwright's error, the only part with the cause. */
export function toPlaywrightFailure(error: unknown): { class: FailureClass; message: string } {
  const message = toOneLine(
    (error instanceof Error ? error.message : String(error))
      .split('\n')[0]
      ?.replace(/^apiRequestContext\.\w+: /, '') ?? '',
  )
  if (/^Timeout \d+ms exceeded/.test(message)) return { class: 'timeout', message }
  if (/certificate|\bTLS\b|\bSSL\b/i.test(message)) return { class: 'tls', message }
  const code = /\b(E[A-Z_]{3,})\b/.exec(message)?.[1]
  return code === undefined
    ? { class: 'connect', message }
    : toRequestFailure(Object.assign(new Error(message), { code }))
}
