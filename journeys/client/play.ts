import { toOneLine } from '../../record/index.ts'
import type { FailureClass, StepResult } from '../../record/index.ts'
import { checkStep, redactProblem, toWireRequest } from '../index.ts'
import type { Context, Step, WireRequest } from '../index.ts'
import type { SendResult } from './send.ts'

/** Sends a request, over vigil's connections or a library's. Never throws for what the target does. */
export type Send = (request: WireRequest) => Promise<SendResult>

/** The results of the steps, of which only the last can have failed, and the resulting context. */
export interface PlayResult {
  ctx: Context
  steps: StepResult[]
}

/** Plays steps in order, from a context, until one fails. */
export async function playSteps(steps: readonly Step[], start: Context, send: Send): Promise<PlayResult> {
  const played: PlayResult = { ctx: start, steps: [] }
  for (const step of steps) {
    const { ctx, result } = await playStep(step, played.ctx, send)
    played.ctx = ctx
    played.steps.push(result)
    if (!result.ok) break
  }
  return played
}

async function playStep(step: Step, ctx: Context, send: Send): Promise<{ ctx: Context; result: StepResult }> {
  let wire: WireRequest | undefined
  const failed = (
    failure: { class: FailureClass; message: string },
    status: number,
    durationMs: number,
  ): { ctx: Context; result: StepResult } => ({
    ctx,
    result: {
      step: step.name,
      ok: false,
      status,
      durationMs,
      class: failure.class,
      message: toOneLine(redactProblem(failure.message, ctx.secrets, wire?.headers)),
    },
  })
  try {
    wire = toWireRequest(step, ctx)
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
  const settled = checkStep(step, response, ctx)
  if (settled.problem !== undefined)
    return failed({ class: settled.class, message: settled.problem }, response.status, durationMs)
  return { ctx: settled.ctx, result: { step: step.name, ok: true, status: response.status, durationMs } }
}
