import { binomialUpperTail } from '../../record/statistics/index.ts'
import type { RowStatus, VerdictRow } from '../verdict.ts'
import { exactMetrics } from './tally.ts'
import type { ExactMetric, ExactTallies, PairedTally } from './tally.ts'

/**
 * How a count may change. `equal`: not at all; `at most`: down, not up; `ratchet`: not over the lowest that
 * was ever accepted, which `best` holds by step, nor over the baseline's. `off`: not compared.
 */
export type ExactRule =
  | { kind: 'equal' }
  | { kind: 'at most' }
  | { kind: 'ratchet'; best?: ReadonlyMap<string, number> }
  | { kind: 'off' }

export type ExactRules = Partial<Record<ExactMetric, ExactRule>>

/** An answer that grew is often what was wanted, but never unseen; a statement more seldom is. */
export const exactDefaults: Required<ExactRules> = {
  statements: { kind: 'at most' },
  rows: { kind: 'at most' },
  bytes: { kind: 'at most' },
}

/** With fewer answers on each side, no rule of the code is judged. */
const leastPairs = 20
/** Chance that counts which only vary are taken for a change, for each of them. */
const alpha = 1e-5
/**
 * A change of the mean under this share may be one of the data: an id with a digit more. A few bytes more in
 * an answer are what a change was made for; under the rule `equal` they too are counted from 1 % on.
 */
const leastChanges: Record<ExactMetric, number> = { statements: 0.01, rows: 0.01, bytes: 0.05 }
const leastOfEqual = 0.01
/** The code is the same in every unit; a disturbance of the machine is in few. */
const lastingShare = 0.75
/** Share of pairs that may differ where nothing changed: a cache that ran out, a token renewed. */
const rareShare = 0.01

const nouns: Record<ExactMetric, string> = { statements: 'SQL statements', rows: 'rows', bytes: 'bytes' }

/**
 * Compares counts exactly: both sides play the same journey of the same user next to each other, so where
 * nothing changed counts agree pair by pair, and what makes them differ (caches, order of arrival) does so to
 * both sides alike. So a change is one that goes one way: by the exact sign test (Arbuthnot 1710; Conover
 * 1999, §3.4) over the pairs that differ, which keeps its level whatever the counts are, only when it moves
 * the mean, and only when it does so in most units: pairs of one unhappy moment are not independent of each
 * other.
 */
export function judgeExactCounts(tallies: ExactTallies, rules: ExactRules = {}): VerdictRow[] {
  return Object.keys(tallies)
    .toSorted()
    .flatMap((step) =>
      exactMetrics.flatMap((metric) => {
        const tally = tallies[step]?.[metric]
        const rule = rules[metric] ?? exactDefaults[metric]
        return tally === undefined || tally.pairs < leastPairs || rule.kind === 'off'
          ? []
          : [buildRow(step, metric, tally, rule)]
      }),
    )
}

type Direction = 'up' | 'down' | 'same'

function findDirection(
  { pairs, up, down, baseline, candidate, units, unitsUp, unitsDown }: PairedTally,
  leastChange: number,
): Direction {
  const differ = up + down
  if (
    differ <= rareShare * pairs ||
    Math.abs(candidate - baseline) < leastChange * Math.max(baseline, pairs * leastChange)
  )
    return 'same'
  if (candidate > baseline && unitsUp >= lastingShare * units && binomialUpperTail(up, differ, 0.5) <= alpha)
    return 'up'
  return candidate < baseline &&
    unitsDown >= lastingShare * units &&
    binomialUpperTail(down, differ, 0.5) <= alpha
    ? 'down'
    : 'same'
}

function buildRow(
  step: string,
  metric: ExactMetric,
  tally: PairedTally,
  rule: Exclude<ExactRule, { kind: 'off' }>,
): VerdictRow {
  const [baseline, candidate] = [tally.baseline / tally.pairs, tally.candidate / tally.pairs]
  const leastChange = rule.kind === 'equal' ? leastOfEqual : leastChanges[metric]
  const direction = findDirection(tally, leastChange)
  const best = rule.kind === 'ratchet' ? rule.best?.get(step) : undefined
  const status =
    best !== undefined && candidate > best * (1 + leastChange) ? 'fail' : chooseStatus(direction, rule)
  const limit = Math.min(best ?? baseline, baseline)
  const differing =
    tally.up + tally.down === 0
      ? 'in every pair'
      : direction === 'same'
        ? ` (${tally.up + tally.down} of ${tally.pairs} pairs differ, not all in one direction)`
        : ` (more in ${tally.up}, fewer in ${tally.down} of ${tally.pairs} pairs)`
  const counts =
    tally.up + tally.down === 0
      ? `${nouns[metric]} ${formatNumber(baseline)} ${differing}`
      : `${nouns[metric]} ${formatNumber(baseline)} → ${formatNumber(candidate)}${differing}`
  return {
    rule: 'exact',
    step,
    metric,
    status,
    baseline,
    candidate,
    ...(baseline > 0 && { ratio: candidate / baseline }),
    message: `${counts}, ${describeRule(rule, limit)}`,
  }
}

function chooseStatus(direction: Direction, rule: ExactRule): RowStatus {
  if (direction === 'same') return 'pass'
  if (direction === 'up' || rule.kind === 'equal') return 'fail'
  return 'improved'
}

function describeRule(rule: Exclude<ExactRule, { kind: 'off' }>, limit: number): string {
  switch (rule.kind) {
    case 'equal':
      return 'must be equal'
    case 'at most':
      return `at most ${formatNumber(limit)}`
    case 'ratchet':
      return `at most ${formatNumber(limit)}, the lowest so far`
  }
}

function formatNumber(value: number): string {
  return String(Number(value.toPrecision(value >= 1000 ? 6 : 4)))
}
