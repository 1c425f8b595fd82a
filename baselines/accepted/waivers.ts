import { z } from 'zod'
import { describeFirstIssue, parseDocument } from '../../record/documents/index.ts'
import { formatChange } from '../compare/wording.ts'
import type { VerdictRow } from '../verdict.ts'

/** A loss that was accepted on purpose, for a time. */
export interface Waiver {
  suite: string
  /** `journey/step`; null for the overall run and each step that has no waiver of its own. */
  step: string | null
  metric: string
  /** As a share: 0.15 is 15 % worse. */
  largestLoss: number
  reason: string
  owner: string
  /** The last day on which it holds, in UTC: `2026-12-31`. */
  until: string
  /** The day on which it was written, in UTC. */
  since?: string
}

export interface Waivers {
  schema: 'vigil.waivers/1'
  waivers: Waiver[]
}

export type ReadWaivers = { state: 'ok'; waivers: Waiver[] } | { state: 'invalid'; problem: string }

// 30 February is read as 1 March.
function isDay(text: string): boolean {
  const ms = Date.parse(text)
  return Number.isFinite(ms) && new Date(ms).toISOString().startsWith(text)
}

const day = z
  .string()
  .regex(/^\d{4}-\d{2}-\d{2}$/, 'expected a day such as 2026-12-31')
  .refine(isDay, 'there is no such day')
const words = z.string().trim().min(1, 'expected some words').max(500)
const waiver = z.strictObject({
  suite: z.string().min(1),
  step: z.string().min(1).nullable(),
  metric: z.enum([
    'p50Ms',
    'p95Ms',
    'p99Ms',
    'throughputRps',
    'errorRate',
    'cpuMsPerRequest',
    'statementsPerRequest',
  ]),
  largestLoss: z.number().positive().max(10, 'expected a share (0.15 is 15 %), at most 10'),
  reason: words,
  owner: words,
  until: day,
  since: day.exactOptional(),
})
const file = z.strictObject({ schema: z.literal('vigil.waivers/1'), waivers: z.array(waiver) })

/**
 * Reads the file of waivers; one invalid waiver refuses them all, since it is unknown what it was to accept.
 */
export function parseWaivers(text: string, where: string): ReadWaivers {
  const read = parseDocument(text, where, file, 'a vigil.waivers/1 file')
  return read.state === 'ok' ? { state: 'ok', waivers: read.value.waivers } : read
}

/** What is wrong with a waiver that is to be added, or undefined. `nowMs`: milliseconds since 1970. */
export function findWaiverProblem(value: Waiver, nowMs: number): string | undefined {
  const parsed = waiver.safeParse(value)
  if (!parsed.success) return describeFirstIssue(parsed.error)
  if (!isInForce(value, nowMs)) return `until: ${value.until} is over, expected a day to come`
  return Date.parse(value.until) - nowMs > longestMs
    ? `until: ${value.until} is over a year away: a loss accepted for ever is a new baseline, with a ` +
        'new anchor'
    : undefined
}

const dayMs = 86_400_000
const longestMs = 366 * dayMs

function isInForce({ until }: Waiver, nowMs: number): boolean {
  return nowMs < Date.parse(until) + dayMs
}

/**
 * Puts a waiver in the place of an earlier one for the same; in an order that does not depend on when they
 * were added.
 */
export function addWaiver(waivers: readonly Waiver[], added: Waiver): Waiver[] {
  const key = ({ suite, metric, step }: Waiver): string => JSON.stringify([suite, metric, step])
  return [...waivers.filter((one) => key(one) !== key(added)), added].toSorted((a, b) =>
    key(a) < key(b) ? -1 : 1,
  )
}

const acceptedUntil = 'accepted until'
/** Rules whose losses can be accepted: what is relative. Budgets are promises to users and are not waived. */
const waivable = new Set(['baseline', 'anchor', 'comparison'])

/**
 * Applies waivers to the rows that they name. A loss within its waiver is no fail but stays visible as
 * `skipped`, with reason, owner and end; beyond it, or after the end, the row fails again with the reason. A
 * waiver that no row needs has a row as well: the reader of a report sees every loss that is accepted for
 * this suite.
 */
export function applyWaivers(
  rows: readonly VerdictRow[],
  waivers: readonly Waiver[],
  suite: string,
  nowMs: number,
): VerdictRow[] {
  const mine = waivers.filter((one) => one.suite === suite)
  const used = new Set<Waiver>()
  const judged = rows.map((row): VerdictRow => {
    const one =
      mine.find(({ step, metric }) => step === row.step && metric === row.metric) ??
      mine.find(({ step, metric }) => step === null && metric === row.metric)
    if (!one || row.status !== 'fail' || !waivable.has(row.rule)) return row
    used.add(one)
    if (!isInForce(one, nowMs))
      return { ...row, message: `${row.message}; the waiver of ${one.owner} for it ended on ${one.until}` }
    if (toLoss(row) > one.largestLoss)
      return {
        ...row,
        message: `${row.message}; more than ${one.owner} accepted (${formatChange(1 + one.largestLoss)})`,
      }
    return {
      ...row,
      status: 'skipped',
      message:
        `${acceptedUntil} ${one.until} by ${one.owner}, up to ${formatChange(1 + one.largestLoss)} ` +
        `(${one.reason}): ${row.message}`,
    }
  })
  const idle = mine.filter((one) => !used.has(one) && isInForce(one, nowMs))
  return [
    ...judged,
    ...idle.map((one): VerdictRow => ({
      rule: 'waiver',
      suite,
      step: one.step,
      metric: one.metric,
      status: 'skipped',
      message:
        `a loss of ${one.metric} up to ${formatChange(1 + one.largestLoss)} is accepted until ` +
        `${one.until} by ${one.owner} (${one.reason}); this run did not need it`,
    })),
  ]
}

/** Whether a waiver could cover the failure of a row. */
export function isWaivable({ rule }: VerdictRow): boolean {
  return waivable.has(rule)
}

/** Whether a row shows an accepted loss, needed by this run or not. */
export function isWaived({ rule, status, message }: VerdictRow): boolean {
  return (
    rule === 'waiver' || (waivable.has(rule) && status === 'skipped' && message.startsWith(acceptedUntil))
  )
}

/** How much worse a row's candidate is, as a share; Infinity when the row has no ratio. */
function toLoss({ ratio, metric }: VerdictRow): number {
  if (ratio === undefined || ratio <= 0) return Number.POSITIVE_INFINITY
  return metric === 'throughputRps' ? 1 / ratio - 1 : ratio - 1
}
