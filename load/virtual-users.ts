import { startContext, toStepKey } from '../journeys/index.ts'
import type { Context, Journey, Step } from '../journeys/index.ts'
import type { FailureClass } from '../record/index.ts'
import type { LoadPlan } from './engine.ts'
import { toOneLine } from '../record/index.ts'
import { playSteps, openConnections, sendRequest } from '../journeys/client/index.ts'
import type { Connections } from '../journeys/client/index.ts'

/**
 * What a virtual user's `before` steps of one journey saved: what its iterations start from, and its `after`
 * steps.
 */
export interface PreparedUser {
  journey: string
  user: number
  saved: Record<string, unknown>
}

/**
 * Virtual users, ready or not. `contexts` by journey name, one for each user, `{}` where a journey has no
 * `before`. `users` lists every user that has sent a `before` request, in each state: they have something to
 * be released.
 */
export type Prepared =
  | { state: 'ready'; contexts: Record<string, Record<string, unknown>[]>; users: PreparedUser[] }
  | { state: 'failed'; step: string; class: FailureClass; message: string; users: PreparedUser[] }
  | { state: 'interrupted'; users: PreparedUser[] }

interface StepFailure {
  step: string
  class: FailureClass
  message: string
}

/** What is needed to run steps outside the load. */
interface Session {
  plan: LoadPlan
  signal: AbortSignal
  connections: Connections
}

// Few at the same time: preparing is not the load, and logins are slow by design.
const concurrentUsers = 8
const maxBodyBytes = 4 * 1024 * 1024
const maxProblems = 10

/**
 * Runs the `before` steps of the plan's journeys once for each virtual user (numbered from 0), outside the
 * measured load. The first failure ends it: that is the target's failure, with the step and class for the
 * reader.
 */
export async function prepareUsers(
  plan: LoadPlan,
  journeys: readonly Journey[],
  users: number,
  signal: AbortSignal,
): Promise<Prepared> {
  const chosen = journeysInMix(plan, journeys)
  const contexts = Object.fromEntries(
    chosen.map((journey) => [
      journey.name,
      Array.from({ length: users }, (): Record<string, unknown> => ({})),
    ]),
  )
  const jobs = Array.from({ length: users }, (_, user) => user).flatMap((user) =>
    chosen.filter((journey) => journey.before?.length).map((journey) => ({ journey, user })),
  )
  const begun: PreparedUser[] = []
  let failure: StepFailure | undefined
  await withSession(plan, signal, async (session) =>
    runConcurrently(jobs, async ({ journey, user }) => {
      if (failure || signal.aborted) return
      const prepared: PreparedUser = { journey: journey.name, user, saved: {} }
      begun.push(prepared)
      const failed = await prepareUser(session, journey, prepared, chosen.indexOf(journey))
      if (failed) failure ??= failed
      const saved = contexts[journey.name]
      if (saved) saved[user] = prepared.saved
    }),
  )
  if (signal.aborted) return { state: 'interrupted', users: begun }
  return failure ? { state: 'failed', ...failure, users: begun } : { state: 'ready', contexts, users: begun }
}

/**
 * Runs the `after` steps for each user that was prepared, wholly or in part. A failed step ends that user's
 * release, not the others'. Never throws.
 *
 * @returns the first ten problems, one line each; whatever they leave behind on the target is the reader's to
 *   know
 */
export async function releaseUsers(
  plan: LoadPlan,
  journeys: readonly Journey[],
  prepared: Pick<Prepared, 'users'>,
  signal: AbortSignal,
): Promise<{ problems: string[] }> {
  const chosen = journeysInMix(plan, journeys)
  const problems: string[] = []
  let unreleased = 0
  await withSession(plan, signal, async (session) =>
    runConcurrently(prepared.users, async (user) => {
      const journey = chosen.find(({ name }) => name === user.journey)
      if (!journey?.after?.length) return
      if (signal.aborted) {
        unreleased += 1
        return
      }
      const { failed } = await runPhase(
        session,
        journey,
        journey.after,
        createUserContext(plan, user, chosen.indexOf(journey)),
      )
      if (failed)
        problems.push(
          toOneLine(`user ${user.user}: ${failed.step} failed (${failed.class}): ${failed.message}`),
        )
    }),
  )
  if (unreleased > 0)
    problems.unshift(
      `${unreleased} virtual users were not released: there was no time left for their after steps`,
    )
  return { problems: problems.slice(0, maxProblems) }
}

async function prepareUser(
  session: Session,
  journey: Journey,
  prepared: PreparedUser,
  index: number,
): Promise<StepFailure | undefined> {
  const { ctx, failed } = await runPhase(
    session,
    journey,
    journey.before ?? [],
    createUserContext(session.plan, prepared, index),
  )
  const { user: _user, iteration: _iteration, unique: _unique, secrets: _secrets, ...saved } = ctx
  try {
    // What is saved goes through a file to the load process: all engines shall see the same.
    const kept: Record<string, unknown> = JSON.parse(JSON.stringify(saved))
    prepared.saved = kept
  } catch (error) {
    const reason = error instanceof Error ? toOneLine(error.message, 120) : 'unknown'
    const message = `saved a value that JSON cannot hold: ${reason}`
    return (
      failed ?? {
        step: toStepKey(journey.name, journey.before?.at(-1)?.name ?? 'before'),
        class: 'check',
        message,
      }
    )
  }
  return failed
}

async function runPhase(
  { plan, signal, connections }: Session,
  journey: Journey,
  steps: readonly Step[],
  start: Context,
): Promise<{ ctx: Context; failed?: StepFailure }> {
  const limits = { timeoutMs: plan.requestTimeoutMs, maxBodyBytes, signal, purpose: 'virtual users' }
  const { ctx, steps: played } = await playSteps(steps, start, async (request) =>
    sendRequest(plan.targetUrl, request, limits, connections),
  )
  const last = played.at(-1)
  if (last === undefined || last.ok) return { ctx }
  return {
    ctx,
    failed: {
      step: toStepKey(journey.name, last.step),
      class: last.class ?? 'check',
      message: last.message ?? '',
    },
  }
}

/**
 * The context of a user's `before` and `after` steps: the same for both, so that what was registered under a
 * `unique` name can be removed under it; of a negative iteration of its own for each journey, so that no
 * iteration of the load, and no other journey's `before`, has the same.
 */
function createUserContext(plan: LoadPlan, { user, saved }: PreparedUser, journeyIndex: number): Context {
  return startContext(plan.run, user, -1 - journeyIndex, saved, plan.secrets)
}

function journeysInMix(plan: LoadPlan, journeys: readonly Journey[]): Journey[] {
  if (plan.source.kind !== 'journeys') return []
  const names = new Set(plan.source.mix.filter(({ weight }) => weight > 0).map(({ journey }) => journey))
  return journeys.filter(({ name }) => names.has(name))
}

async function withSession(
  plan: LoadPlan,
  signal: AbortSignal,
  work: (session: Session) => Promise<void>,
): Promise<void> {
  const connections = openConnections(concurrentUsers, { ip: plan.ip })
  try {
    await work({ plan, signal, connections })
  } finally {
    await connections.destroy()
  }
}

async function runConcurrently<T>(jobs: readonly T[], work: (job: T) => Promise<void>): Promise<void> {
  const waiting = jobs.values()
  // The workers share the iterator: each takes the next job when its last one is done.
  const worker = async (): Promise<void> => {
    for (const job of waiting) await work(job)
  }
  await Promise.all(Array.from({ length: concurrentUsers }, worker))
}
