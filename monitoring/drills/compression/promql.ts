import type { SyntaxNode, Tree } from '@lezer/common'
import { parser } from '@prometheus-io/lezer-promql'
import { ageLiterals } from './ages.ts'

/** Prometheus' units from the longest to the shortest, in milliseconds. A year has 365 days there. */
const units = [
  ['y', 31_536_000_000],
  ['w', 604_800_000],
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
  ['ms', 1],
] as const

/** How much faster than production's clock the drills' clock runs: 50 turns 5 minutes into 6 seconds. */
export type Speed = number

/**
 * Milliseconds of a duration as Prometheus and Alertmanager write it (`1h30m`). Undefined for other texts.
 */
export function parseDuration(text: string): number | undefined {
  let total = 0
  let at = 0
  let next = 0
  while (at < text.length) {
    const digits = /^\d*/.exec(text.slice(at))?.[0] ?? ''
    const afterDigits = at + digits.length
    // 'ms' before 'm': the longer unit is the intended one.
    const index = units.findIndex(
      ([unit]) => text.startsWith(unit, afterDigits) && !(unit === 'm' && text.startsWith('ms', afterDigits)),
    )
    const unit = units[index]
    // Prometheus requires each unit at most once, in falling order.
    if (digits === '' || unit === undefined || index < next) return undefined
    total += Number(digits) * unit[1]
    next = index + 1
    at = afterDigits + unit[0].length
  }
  return text === '' ? undefined : total
}

/** The shortest way to write a number of milliseconds, such as `1m30s`. `0s` for 0. */
export function formatDuration(ms: number): string {
  let rest = ms
  let text = ''
  // Weeks and years only when nothing remains below them: '1w1d' is hard to read as 8 days.
  for (const [unit, size] of units) {
    const count = Math.floor(rest / size)
    if (count === 0 || ((unit === 'y' || unit === 'w') && rest % size !== 0)) continue
    text += `${count}${unit}`
    rest -= count * size
  }
  return text === '' ? '0s' : text
}

/** A duration on the faster clock, rounded to milliseconds. A duration above 0 stays at least 1 ms. */
export function compressMs(ms: number, speed: Speed): number {
  return ms === 0 ? 0 : Math.max(1, Math.round(ms / speed))
}

/** A duration in an expression. `literal`: written as `5m` (with a unit), or as a plain number of seconds. */
export interface Span {
  from: number
  to: number
  ms: number
  literal: 'duration' | 'seconds'
  /** Whether it is the range of a selector, which has to contain several scrapes. */
  range: boolean
}

/** The durations of an expression, or why it is not PromQL. */
export type Spans = { state: 'ok'; spans: Span[] } | { state: 'invalid'; reason: string }

/**
 * Every duration in a PromQL expression: ranges, subqueries with their steps, offsets, and the numbers that
 * are seconds
 * because of their place (see {@link ageLiterals}). Thresholds, rates per second, absolute times (`@`) and
 * the
 * calendar (`hour()`) are not durations.
 */
export function findSpans(expression: string): Spans {
  const tree = parser.parse(expression)
  const problem = findSyntaxError(tree, expression)
  if (problem !== undefined) return { state: 'invalid', reason: problem }
  const spans: Span[] = []
  const seconds = new Set<number>()
  for (const node of ageLiterals(tree.topNode, expression)) {
    seconds.add(node.from)
    spans.push(toSpan(node, expression, false))
  }
  tree.iterate({
    enter: ({ node }) => {
      if (node.name === 'NumberDurationLiteralInDurationContext')
        spans.push(toSpan(node, expression, isRange(node)))
      // Prometheus 3 accepts a duration where a number may stand (`> 1h`).
      if (
        node.name === 'NumberDurationLiteral' &&
        !seconds.has(node.from) &&
        parseDuration(textOf(node, expression)) !== undefined
      )
        spans.push(toSpan(node, expression, false))
    },
  })
  return { state: 'ok', spans: spans.toSorted((a, b) => a.from - b.from) }
}

/** The expression on the faster clock. It changes nothing but the given durations. */
export function compressPromql(expression: string, spans: readonly Span[], speed: Speed): string {
  return replaceSpans(expression, spans, (span) =>
    span.literal === 'duration'
      ? formatDuration(compressMs(span.ms, speed))
      : // Twelve digits: the division leaves digits after the last significant one.
        String(Number((span.ms / 1000 / speed).toPrecision(12))),
  )
}

/**
 * The expression with a sign in place of each duration. Two expressions with equal masks differ only in
 * durations.
 */
export function maskPromql(expression: string): string {
  const read = findSpans(expression)
  return read.state === 'ok' ? replaceSpans(expression, read.spans, () => '⏱') : expression
}

const calendarFunctions = new Set([
  'Hour',
  'Minute',
  'DayOfWeek',
  'DayOfMonth',
  'DayOfYear',
  'DaysInMonth',
  'Month',
  'Year',
])

/** Whether an expression uses the hour or the date, which a faster clock does not change. */
export function usesCalendar(expression: string): boolean {
  let found = false
  parser.parse(expression).iterate({
    enter: ({ node }) => {
      if (
        node.name === 'FunctionIdentifier' &&
        node.firstChild &&
        calendarFunctions.has(node.firstChild.name)
      )
        found = true
    },
  })
  return found
}

/** One comparison of a rule: the measured expression, and the comparison with its limit, such as `> 0.05`. */
export interface Comparison {
  measured: string
  expected: string
}

const comparing = new Set(['Gtr', 'Gte', 'Lss', 'Lte', 'Eql', 'Neq'])
const joining = new Set(['And', 'Or', 'Unless'])

/**
 * The comparisons in a rule, so that a rule that is not true can show its values: `a / b > 0.05 and c > 10`
 * has two.
 * A rule without a comparison is measured as one expression.
 */
export function findComparisons(expression: string): Comparison[] {
  const top = parser.parse(expression).topNode.firstChild
  return top === null ? [] : comparisonsIn(top, expression)
}

function comparisonsIn(node: SyntaxNode, expression: string): Comparison[] {
  const left = node.firstChild
  const right = node.lastChild
  const operator = left?.nextSibling
  if (node.name === 'ParenExpr' && left) return comparisonsIn(left, expression)
  if (node.name !== 'BinaryExpr' || !left || !right || !operator)
    return [{ measured: textOf(node, expression), expected: 'to exist' }]
  if (joining.has(operator.name))
    return [...comparisonsIn(left, expression), ...comparisonsIn(right, expression)]
  if (comparing.has(operator.name)) {
    const limit = `${textOf(operator, expression)} ${textOf(right, expression)}`
    return [{ measured: textOf(left, expression), expected: limit }]
  }
  return [{ measured: textOf(node, expression), expected: 'to exist' }]
}

function findSyntaxError(tree: Tree, expression: string): string | undefined {
  let at: number | undefined
  tree.iterate({
    enter: ({ type, from }) => {
      if (type.isError) at ??= from
    },
  })
  return at === undefined
    ? undefined
    : `expected PromQL at character ${at + 1}, got ${JSON.stringify(expression.slice(at, at + 40))}`
}

function toSpan(node: SyntaxNode, expression: string, range: boolean): Span {
  const text = textOf(node, expression)
  const ms = parseDuration(text)
  // A plain number inside [ ] and after offset means seconds, too.
  return {
    from: node.from,
    to: node.to,
    ms: ms ?? Number(text) * 1000,
    literal: ms === undefined ? 'seconds' : 'duration',
    range,
  }
}

function isRange(node: SyntaxNode): boolean {
  const duration = node.parent
  return duration?.name === 'DurationExpr' && duration.parent?.name === 'MatrixSelector'
}

function replaceSpans(expression: string, spans: readonly Span[], text: (span: Span) => string): string {
  return spans
    .toReversed()
    .reduce((written, span) => written.slice(0, span.from) + text(span) + written.slice(span.to), expression)
}

function textOf(node: SyntaxNode, expression: string): string {
  return expression.slice(node.from, node.to)
}
