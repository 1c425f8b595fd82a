import { z } from 'zod'
import { toOneLine } from '../../../../record/index.ts'

/*
 * What the API server says of a load at one moment, as far as it is read here. Unknown fields are ignored,
 * and missing ones are common: a pod that was just created has hardly any.
 */

const text = z.string().default('')

const containerState = z
  .object({
    waiting: z.object({ reason: text, message: text }).optional(),
    terminated: z.object({ exitCode: z.number(), reason: text, signal: z.number().optional() }).optional(),
  })
  .default({})

const podSchema = z.object({
  metadata: z.object({
    name: z.string(),
    uid: text,
    labels: z.record(z.string(), z.string()).default({}),
    deletionTimestamp: z.string().optional(),
  }),
  spec: z.object({ nodeName: text }).default({ nodeName: '' }),
  status: z
    .object({
      phase: text,
      reason: text,
      message: text,
      conditions: z
        .array(z.object({ type: z.string(), status: z.string(), reason: text, message: text }))
        .default([]),
      containerStatuses: z.array(z.object({ state: containerState })).default([]),
    })
    .default({ phase: '', reason: '', message: '', conditions: [], containerStatuses: [] }),
})

const podListSchema = z.object({ items: z.array(podSchema) })
const testRunSchema = z.object({ status: z.object({ stage: text }).default({ stage: '' }) })
const eventListSchema = z.object({
  items: z.array(
    z.object({ involvedObject: z.object({ kind: text, name: text }), reason: text, message: text }),
  ),
})

/** A pod of a load. */
export interface Pod {
  name: string
  /** Of its job: `<load>-<number>` for a runner. */
  job: string
  node: string
  phase: string
  /** The reason and message of the pod itself: `Evicted`, for example. */
  reason: string
  message: string
  isDeleted: boolean
  /** Why the scheduler finds no node, where it does not. */
  unschedulable: string | undefined
  waiting: { reason: string; message: string } | undefined
  terminated: { exitCode: number; reason: string; signal?: number | undefined } | undefined
}

export interface JobFailure {
  job: string
  message: string
}

/** What the API server says of a load at one moment. */
export interface Snapshot {
  /** Of the TestRun; '' before k6-operator has seen it; undefined when it is gone. */
  stage: string | undefined
  pods: readonly Pod[]
  /** Why jobs could not create their pods. */
  failures: readonly JobFailure[]
}

const messageLength = 300

export function readPods(value: unknown): Pod[] | undefined {
  return podListSchema.safeParse(value).data?.items.map(({ metadata, spec, status }): Pod => {
    const scheduled = status.conditions.find(({ type }) => type === 'PodScheduled')
    const states = status.containerStatuses.map(({ state }) => state)
    const waiting = states.find((state) => state.waiting !== undefined)?.waiting
    const terminated = states.find((state) => state.terminated !== undefined)?.terminated
    return {
      name: metadata.name,
      job: metadata.labels['job-name'] ?? '',
      node: spec.nodeName,
      phase: status.phase,
      reason: toOneLine(status.reason),
      message: toOneLine(status.message, messageLength),
      isDeleted: metadata.deletionTimestamp !== undefined,
      unschedulable:
        scheduled?.status === 'False'
          ? toOneLine(scheduled.message, messageLength) || 'no reason'
          : undefined,
      waiting: waiting && {
        reason: toOneLine(waiting.reason),
        message: toOneLine(waiting.message, messageLength),
      },
      terminated,
    }
  })
}

export function readStage(value: unknown): string | undefined {
  return testRunSchema.safeParse(value).data?.status.stage
}

/** The events of jobs that could not create a pod. */
export function readJobFailures(value: unknown): JobFailure[] | undefined {
  return eventListSchema
    .safeParse(value)
    .data?.items.filter(
      ({ reason, involvedObject }) => reason === 'FailedCreate' && involvedObject.kind === 'Job',
    )
    .map(({ involvedObject, message }) => ({
      job: involvedObject.name,
      message: toOneLine(message, messageLength),
    }))
}
