import { z } from 'zod'
import { failureClasses } from './documents/failure-classes.ts'

// Each schema is loose, so that fields which a later version adds are kept; each type is of the known fields only.

const step = {
  step: z.string(),
  ok: z.boolean(),
  /** HTTP status, 0 when there was no answer. */
  status: z.number(),
  durationMs: z.number(),
  class: z.enum(failureClasses).exactOptional(),
  /** What is wrong, in one line: found and expected. */
  message: z.string().exactOptional(),
}
export type StepResult = Known<typeof step>
const stepSchema: z.ZodType<StepResult> = z.looseObject(step)

const failedAttempt = {
  step: z.string(),
  class: z.enum(failureClasses),
  /** Expected and actual, in one line. */
  message: z.string(),
}
/** How an attempt failed that was followed by another. */
export type FailedAttempt = Known<typeof failedAttempt>
const failedAttemptSchema: z.ZodType<FailedAttempt> = z.looseObject(failedAttempt)

const outcome = z.enum(['up', 'degraded', 'down', 'unknown'])
/**
 * `up`: every step as expected, in time. `degraded`: it works, but slowly, only on a retry, or without cleaning up.
 * `down`: it failed at every attempt. `unknown`: nothing can be said of the target (not run, interrupted, or the prober
 * itself was stalled).
 */
export type ProbeOutcome = z.infer<typeof outcome>

const probeResult = {
  name: z.string(),
  outcome,
  startedAt: z.iso.datetime(),
  /** Of the last attempt's steps, without those that prepare and clean up. */
  durationMs: z.number(),
  /** How often the probe was tried; more than one is never hidden. */
  attempts: z.number(),
  /** What each attempt before the last one failed with, oldest first; left out when there was one attempt. */
  earlier: z.array(failedAttemptSchema).exactOptional(),
  /** Of the last attempt; a `before` step is among them when it failed. */
  steps: z.array(stepSchema),
  /** Why it is not `up`, in one line with step, expected and actual. */
  message: z.string().exactOptional(),
}
export type ProbeResult = Known<typeof probeResult>
export const probeResultSchema: z.ZodType<ProbeResult> = z.looseObject(probeResult)

const probesReport = {
  schema: z.literal('vigil.probes/1'),
  probes: z.array(probeResultSchema),
}
/** What `vigil probe --json` prints: `vigil.probes/1`. */
export type ProbesReport = Known<typeof probesReport>
export const probesReportSchema: z.ZodType<ProbesReport> = z.looseObject(probesReport)

type Known<Fields extends z.core.$ZodShape> = z.infer<z.ZodObject<Fields>>
