import { readFile } from 'node:fs/promises'
import type { ChildEnd } from '../../../runtime/processes/index.ts'
import type { LoadResult } from '../../engine.ts'
import { toOneLine } from '../../../record/index.ts'
import { endingOf } from './exits.ts'
import { measurementOf, nothingMeasured } from './measurement.ts'
import type { Messages } from './messages.ts'
import { readSummary } from './summary.ts'
import type { ReadSummary } from './summary.ts'
import type { Seen } from './watch.ts'
import type { ScriptPlan } from './k6-runtime/wire.ts'

/** How a k6 of ours went, from start to end. */
export interface Ran {
  end: ChildEnd
  interrupted: boolean
  /** Why we ended it ourselves, because it did not do what it should in its time. */
  overdue: string | undefined
  /** The end of k6's own log, cleaned. */
  words: string
  messages: Pick<Messages, 'first' | 'misuse'>
  seen: Seen
}

/** What came of a run: decided by how k6 ended, what our script said, and whether its summary is whole and of this run. */
export async function outcomeOf(
  plan: ScriptPlan,
  module: string,
  ran: Ran,
  interruptedAt: string,
): Promise<LoadResult> {
  const summary = await summaryOf(plan)
  if (ran.interrupted) return interruptedOutcome(plan, ran, summary, interruptedAt)
  const misuse = ran.messages.misuse() ?? misuseInLog(ran)
  if (misuse !== undefined) return { state: 'usage-error', reason: `${module}: ${misuse}` }
  const ending = endingOf(ran.end)
  const unmeasured = (reason: string): LoadResult => ({
    state: 'unmeasured',
    reason: ran.words === '' ? reason : `${reason}: ${ran.words}`,
  })
  if (ran.overdue !== undefined) return unmeasured(ran.overdue)
  if (ending.state !== 'result') return unmeasured(ending.words)
  if (summary.state === 'wrong') return unmeasured(`k6 ended, but its summary ${summary.problem}`)
  const { startedAt, timeline, cpu } = ran.seen
  if (startedAt === undefined) return unmeasured('k6 ended, but never said that its measurement began')
  const observed = {
    startedAt,
    durationMs: plan.durationMs,
    interrupted: false,
    timeline: timeline?.points ?? [],
    firstDroppedMs: timeline?.firstDroppedMs(),
    cpu,
  }
  return { state: 'measured', measurement: measurementOf(plan, summary.summary, ran.messages, observed) }
}

/** What there is, even nothing: whoever interrupts shall still see what had been measured by then. */
function interruptedOutcome(
  plan: ScriptPlan,
  { seen, messages }: Ran,
  summary: ReadSummary,
  interruptedAt: string,
): LoadResult {
  const startedAt = seen.startedAt ?? interruptedAt
  const timeline = seen.timeline?.points ?? []
  if (summary.state === 'wrong')
    return {
      state: 'measured',
      measurement: nothingMeasured(plan.steps, startedAt, seen.measuredMs, timeline),
    }
  const observed = {
    startedAt,
    durationMs: seen.measuredMs,
    interrupted: true,
    timeline,
    firstDroppedMs: seen.timeline?.firstDroppedMs(),
    cpu: seen.cpu,
  }
  return { state: 'measured', measurement: measurementOf(plan, summary.summary, messages, observed) }
}

async function summaryOf(plan: ScriptPlan): Promise<ReadSummary> {
  try {
    return readSummary(await readFile(plan.summaryFile, 'utf8'), plan)
  } catch {
    return { state: 'wrong', problem: 'was not written' }
  }
}

/**
 * What k6 says when it cannot load the user's journeys although Node can: an import it does not know, a global of Node,
 * syntax it does not strip. Our own files load, so a script that throws while it is loaded is the user's.
 */
function misuseInLog({ end, words, seen }: Ran): string | undefined {
  if (
    endingOf(end).state !== 'script' ||
    seen.startedAt !== undefined ||
    !/moduleSpecifier|file:\/\//.test(words)
  )
    return undefined
  const said = words
    .replace(/^could not initialize '[^']*': could not load JS test '[^']*': /, '')
    .replace(/ Make sure that you've .*$/, '')
  return `k6 cannot load it, although Node can (k6 runs journeys in a runtime of its own, without Node's modules and globals): ${toOneLine(said, 300)}`
}
