import { z } from 'zod'
import { failureClasses } from './run.ts'
import type { Known } from './schema-issue.ts'
import { describeFirstIssue, openObject } from './schema-issue.ts'

const step = {
  step: z.string(),
  ok: z.boolean(),
  /** HTTP status, 0 if there was no answer. */
  status: z.number(),
  durationMs: z.number(),
  class: z.enum(failureClasses).exactOptional(),
  /** The problem in one line: expected and found. */
  message: z.string().exactOptional(),
}
export type StepResult = Known<typeof step>

const failedAttempt = {
  step: z.string(),
  class: z.enum(failureClasses),
  /** Expected and found, in one line. */
  message: z.string(),
}
/** How an attempt failed that was followed by another. */
export type FailedAttempt = Known<typeof failedAttempt>

const outcome = z.enum(['up', 'degraded', 'down', 'unknown'])
/**
 * `up`: every step as expected, in time. `degraded`: it works, but slowly, only on a retry, or without
 * cleaning up. `down`: it failed at every attempt. `unknown`: the probe says nothing about the target (not
 * run, interrupted, or the prober itself was stalled).
 */
export type ProbeOutcome = z.infer<typeof outcome>

const probeResult = {
  name: z.string(),
  outcome,
  startedAt: z.iso.datetime(),
  /** Of the last attempt's steps, without those that prepare and clean up. */
  durationMs: z.number(),
  /** Always shown if there was more than one. */
  attempts: z.number(),
  /** The failures of the attempts before the last one, oldest first; left out if there was one attempt. */
  earlier: z.array(openObject(failedAttempt)).exactOptional(),
  /** Of the last attempt. A `before` step is among them if it failed. */
  steps: z.array(openObject(step)),
  /** Why it is not `up`, in one line: step, expected and found. */
  message: z.string().exactOptional(),
}
export type ProbeResult = Known<typeof probeResult>
export const probeResultSchema = openObject(probeResult)

const probesReport = { schema: z.literal('vigil.probes/1'), probes: z.array(probeResultSchema) }
/** What `vigil probe --json` prints: `vigil.probes/1`. */
export type ProbesReport = Known<typeof probesReport>
export const probesReportSchema = openObject(probesReport)

/** Reads a probes document. `where` names the file in the problem. */
export function parseProbes(
  text: string,
  where: string,
): { state: 'ok'; report: ProbesReport } | { state: 'invalid'; problem: string } {
  try {
    const parsed = probesReportSchema.safeParse(JSON.parse(text))
    if (parsed.success) return { state: 'ok', report: parsed.data }
    return { state: 'invalid', problem: `${where}: ${describeFirstIssue(parsed.error)}` }
  } catch {
    return {
      state: 'invalid',
      problem: `${where}: expected a vigil.probes/1 document, got text that is not JSON`,
    }
  }
}
