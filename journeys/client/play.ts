import { settleStep, wireRequest } from '../index.ts'
import type { Context, Step, WireRequest } from '../index.ts'
import type { FailureClass } from '../../record/index.ts'
import { answerClass } from './failure.ts'
import { toOneLine } from '../../record/index.ts'
import type { SendResult } from './send.ts'

/** One way to send a request: with connections of our own, or those of a library. Never throws for what the target does. */
export type Send = (request: WireRequest) => Promise<SendResult>

/** What became of one step. */
export interface PlayedStep {
  step: string
  ok: boolean
  /** HTTP status, 0 when there was no answer. */
  status: number
  durationMs: number
  class?: FailureClass
  /** What is wrong, in one line: found and expected. */
  message?: string
}

/** The steps that were played, of which only the last can have failed, and the context they left. */
export interface Played {
  ctx: Context
  steps: PlayedStep[]
}

/** Plays steps one after the other from a context, as far as each is as expected. */
export async function playSteps(steps: readonly Step[], start: Context, send: Send): Promise<Played> {
  const played: Played = { ctx: start, steps: [] }
  for (const step of steps) {
    const { ctx, result } = await playStep(step, played.ctx, send)
    played.ctx = ctx
    played.steps.push(result)
    if (!result.ok) break
  }
  return played
}

async function playStep(step: Step, ctx: Context, send: Send): Promise<{ ctx: Context; result: PlayedStep }> {
  const failed = (
    failure: { class: FailureClass; message: string },
    status: number,
    durationMs: number,
  ): { ctx: Context; result: PlayedStep } => ({
    ctx,
    result: {
      step: step.name,
      ok: false,
      status,
      durationMs,
      class: failure.class,
      message: toOneLine(failure.message),
    },
  })
  let wire: WireRequest
  try {
    wire = wireRequest(step, ctx)
  } catch (error) {
    return failed(
      { class: 'check', message: `request threw: ${error instanceof Error ? error.message : String(error)}` },
      0,
      0,
    )
  }
  const sent = await send(wire)
  if (sent.state === 'failed') return failed(sent, 0, sent.durationMs)
  const { response, durationMs } = sent
  const settled = settleStep(step, response, ctx)
  if (settled.problem !== undefined)
    return failed(
      { class: answerClass(response.status), message: settled.problem },
      response.status,
      durationMs,
    )
  return { ctx: settled.ctx, result: { step: step.name, ok: true, status: response.status, durationMs } }
}
