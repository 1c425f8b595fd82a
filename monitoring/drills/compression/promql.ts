import type { SyntaxNode, Tree } from '@lezer/common'
import { parser } from '@prometheus-io/lezer-promql'
import { ageLiterals } from './ages.ts'
import { compressMs, formatDuration, parseDuration } from './duration.ts'
import type { Speed } from './duration.ts'

/** A stretch of time that an expression names, and where. `literal`: as `5m` (milliseconds), or as a plain number of seconds. */
export interface Span {
  from: number
  to: number
  ms: number
  literal: 'duration' | 'seconds'
  /** Whether it is a range to look back over, which has to hold several scrapes. */
  range: boolean
}

/** What was found in an expression, or why it is none. */
export type Spans = { state: 'read'; spans: Span[] } | { state: 'refused'; reason: string }

/**
 * Every stretch of time in a PromQL expression: ranges, subqueries with their steps, offsets, and the numbers that are
 * seconds because of where they stand (see {@link ageLiterals}). Thresholds, rates per second, absolute times (`@`) and
 * the calendar (`hour()`) are none.
 */
export function findSpans(expression: string): Spans {
  const tree = parser.parse(expression)
  const flaw = flawOf(tree, expression)
  if (flaw !== undefined) return { state: 'refused', reason: flaw }
  const spans: Span[] = []
  const seconds = new Set<number>()
  for (const node of ageLiterals(tree.topNode, expression)) {
    seconds.add(node.from)
    spans.push(spanOf(node, expression, false))
  }
  tree.iterate({
    enter: ({ node }) => {
      if (node.name === 'NumberDurationLiteralInDurationContext')
        spans.push(spanOf(node, expression, isRange(node)))
      // A duration written where a number may stand (`> 1h`, Prometheus 3) is one, wherever it stands.
      if (
        node.name === 'NumberDurationLiteral' &&
        !seconds.has(node.from) &&
        parseDuration(textOf(node, expression)) !== undefined
      )
        spans.push(spanOf(node, expression, false))
    },
  })
  return { state: 'read', spans: spans.toSorted((a, b) => a.from - b.from) }
}

/** The expression on the faster clock. Undefined spans leave it as it is; nothing but stretches of time is touched. */
export function compressPromql(expression: string, spans: readonly Span[], speed: Speed): string {
  return replaceSpans(expression, spans, (span) =>
    span.literal === 'duration'
      ? formatDuration(compressMs(span.ms, speed))
      : secondsText(span.ms / 1000 / speed),
  )
}

/** The expression with its stretches of time blanked: equal masks mean that two expressions differ in nothing else. */
export function maskPromql(expression: string): string {
  const read = findSpans(expression)
  return read.state === 'read' ? replaceSpans(expression, read.spans, () => '⏱') : expression
}

const calendar = new Set([
  'Hour',
  'Minute',
  'DayOfWeek',
  'DayOfMonth',
  'DayOfYear',
  'DaysInMonth',
  'Month',
  'Year',
])

/** Whether an expression asks for the hour or the date, which a faster clock does not change. */
export function usesCalendar(expression: string): boolean {
  let found = false
  parser.parse(expression).iterate({
    enter: ({ node }) => {
      if (node.name === 'FunctionIdentifier' && node.firstChild && calendar.has(node.firstChild.name))
        found = true
    },
  })
  return found
}

function flawOf(tree: Tree, expression: string): string | undefined {
  let at: number | undefined
  tree.iterate({
    enter: ({ type, from }) => {
      if (type.isError) at ??= from
    },
  })
  return at === undefined
    ? undefined
    : `no PromQL at character ${at + 1}: ${JSON.stringify(expression.slice(at, at + 40))}`
}

function spanOf(node: SyntaxNode, expression: string, range: boolean): Span {
  const text = textOf(node, expression)
  const ms = parseDuration(text)
  // Inside [ ] and after offset a plain number is seconds, too.
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

// Twelve digits: what division leaves behind the last one that means anything is not written.
function secondsText(seconds: number): string {
  return String(Number(seconds.toPrecision(12)))
}

function textOf(node: SyntaxNode, expression: string): string {
  return expression.slice(node.from, node.to)
}
