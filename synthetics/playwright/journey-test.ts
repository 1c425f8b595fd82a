import type { APIRequestContext, TestInfo } from '@playwright/test'
import type { Context, Journey, Step } from '../../journeys/index.ts'
import { startContext } from '../../journeys/index.ts'
import type { Random } from '../../record/index.ts'
import { stepWords } from '../failed-step.ts'
import { playPolling } from '../polling.ts'
import { traced } from '../trace.ts'
import type { Traced } from '../trace.ts'
import { playwrightSender } from './request-context.ts'

/** A journey as one Playwright test. */
export interface JourneyRun {
  journey: Journey
  /** As `test.step`. */
  step: (title: string, body: () => Promise<void>) => Promise<void>
  newContext: () => Promise<APIRequestContext>
  targetUrl: string
  testInfo: Pick<TestInfo, 'retry' | 'repeatEachIndex'>
  /** Differs from every other run's. */
  run: string
  random: Random
}

const requestTimeoutMs = 10_000

/**
 * Plays a journey with a step of the test for each of its own, and what cleans up also after a failure.
 *
 * @throws Error that names the step, found and expected, and the trace
 */
export async function playAsTest({
  journey,
  step: inStep,
  newContext,
  targetUrl,
  testInfo,
  run,
  random,
}: JourneyRun): Promise<void> {
  const sender = playwrightSender(newContext, targetUrl, requestTimeoutMs)
  const trace = traced(sender.send, random)
  let ctx = startContext(`${run}-${journey.name}`, testInfo.repeatEachIndex, testInfo.retry)
  const play = async (steps: readonly Step[]): Promise<void> => {
    for (const step of steps) {
      await inStep(step.name, async () => {
        ctx = await playOne(step, ctx, trace)
      })
    }
  }
  try {
    const failure = await thrownBy(async () => {
      await play(journey.before ?? [])
      await play(journey.steps)
    })
    // What went wrong first is what matters: that cleaning up failed too is mostly its consequence.
    const leftBehind = await thrownBy(async () => play(journey.after ?? []))
    const first = failure ?? leftBehind
    if (first) throw first
  } finally {
    await sender.end()
  }
}

async function thrownBy(work: () => Promise<void>): Promise<Error | undefined> {
  try {
    await work()
    return undefined
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error))
  }
}

async function playOne(step: Step, ctx: Context, { send, named }: Traced): Promise<Context> {
  const played = await playPolling([step], ctx, send, new AbortController().signal)
  const failed = played.steps.find(({ ok }) => !ok)
  if (failed) throw new Error(stepWords(named(failed)))
  return played.ctx
}
