import { isMap, isScalar, isSeq, parseDocument } from 'yaml'
import type { Document, Scalar, YAMLMap } from 'yaml'
import { compressMs, compressPromql, findSpans, formatDuration } from './promql.ts'
import { maskPromql, parseDuration, usesCalendar } from './promql.ts'
import type { Speed } from './promql.ts'

/**
 * A file on the faster clock, or why it cannot be compressed. `notes` list what a faster clock does not
 * change.
 */
export type CompressedFile =
  | { state: 'ok'; text: string; notes: string[] }
  | { state: 'invalid'; reason: string }

/** How to rewrite durations and expressions: onto a faster clock, or masked for a comparison. */
interface Rewrite {
  duration: (ms: number) => string
  expression: (expression: string) => string | { problem: string }
}

export type FileKind = 'rules' | 'prometheus' | 'alertmanager'

/**
 * A configuration with every duration divided by `speed`. Time limits of the network stay where the tools
 * allow it:
 * the network and the processor are not faster. Thresholds, labels, texts and times of day stay.
 */
export function compressFile(kind: FileKind, text: string, file: string, speed: Speed): CompressedFile {
  const notes: string[] = []
  return rewriteFile(kind, text, file, notes, {
    duration: (ms) => formatDuration(compressMs(ms, speed)),
    expression: (expression) => {
      const read = findSpans(expression)
      if (read.state === 'invalid') return { problem: read.reason }
      if (usesCalendar(expression))
        notes.push(`uses the hour or the date, which stays that of the wall clock: ${expression.trim()}`)
      return compressPromql(expression, read.spans, speed)
    },
  })
}

/** The file with a sign in place of each duration. Two files with equal masks differ only in durations. */
export function maskFile(kind: FileKind, text: string, file: string): CompressedFile {
  return rewriteFile(kind, text, file, [], { duration: () => '⏱', expression: maskPromql })
}

function rewriteFile(
  kind: FileKind,
  text: string,
  file: string,
  notes: string[],
  rewrite: Rewrite,
): CompressedFile {
  const document: Document.Parsed = parseDocument(text)
  const [syntaxError] = document.errors
  if (syntaxError !== undefined)
    return { state: 'invalid', reason: `${file}: ${syntaxError.message.split('\n')[0] ?? 'expected YAML'}` }
  const problems: string[] = []
  rewriters[kind](document.contents, rewrite, (problem) => void problems.push(`${file}: ${problem}`))
  const [problem] = problems
  if (problem !== undefined) return { state: 'invalid', reason: problem }
  return { state: 'ok', text: document.toString({ lineWidth: 0 }), notes }
}

type ReportProblem = (problem: string) => void

const rewriters: Record<FileKind, (contents: unknown, rewrite: Rewrite, report: ReportProblem) => void> = {
  rules: (contents, rewrite, report) => {
    for (const group of mapsIn(contents, 'groups')) {
      rewriteDurations(group, ['interval', 'query_offset'], rewrite, report)
      for (const rule of mapsIn(group, 'rules')) rewriteRule(rule, rewrite, report)
    }
  },
  prometheus: (contents, rewrite, report) => {
    // Prometheus rejects a scrape timeout above its interval, so both are compressed.
    const global = ['scrape_interval', 'scrape_timeout', 'evaluation_interval', 'rule_query_offset']
    rewriteDurations(mapIn(contents, 'global'), global, rewrite, report)
    for (const job of mapsIn(contents, 'scrape_configs'))
      rewriteDurations(job, ['scrape_interval', 'scrape_timeout'], rewrite, report)
  },
  alertmanager: (contents, rewrite, report) => {
    rewriteDurations(mapIn(contents, 'global'), ['resolve_timeout'], rewrite, report)
    rewriteRoute(mapIn(contents, 'route'), rewrite, report)
  },
}

function rewriteRule(rule: YAMLMap, rewrite: Rewrite, report: ReportProblem): void {
  const name = textIn(rule, 'alert') ?? textIn(rule, 'record') ?? 'a rule without a name'
  rewriteDurations(rule, ['for', 'keep_firing_for'], rewrite, (text) => report(`${name}: ${text}`))
  const scalar = scalarIn(rule, 'expr')
  // YAML reads an expression that is a bare number as a number.
  if (typeof scalar?.value !== 'string') return
  const written = rewrite.expression(scalar.value)
  if (typeof written === 'string') scalar.value = written
  else report(`${name}: ${written.problem}`)
}

function rewriteRoute(route: YAMLMap | undefined, rewrite: Rewrite, report: ReportProblem): void {
  if (route === undefined) return
  rewriteDurations(route, ['group_wait', 'group_interval', 'repeat_interval'], rewrite, report)
  for (const child of mapsIn(route, 'routes')) rewriteRoute(child, rewrite, report)
}

function rewriteDurations(
  map: YAMLMap | undefined,
  keys: readonly string[],
  rewrite: Rewrite,
  report: ReportProblem,
): void {
  for (const key of keys) {
    const scalar = scalarIn(map, key)
    if (scalar === undefined) continue
    const ms = scalar.value === 0 ? 0 : parseDuration(String(scalar.value))
    if (ms === undefined)
      report(`${key}: expected a duration such as 30s, got ${JSON.stringify(scalar.value)}`)
    else scalar.value = rewrite.duration(ms)
  }
}

/** The maps in the list below a key. Empty when there is no list. */
function mapsIn(parent: unknown, key: string): YAMLMap[] {
  const list = isMap(parent) ? parent.get(key, true) : undefined
  return isSeq(list) ? list.items.filter((item) => isMap(item)) : []
}

function mapIn(parent: unknown, key: string): YAMLMap | undefined {
  const value = isMap(parent) ? parent.get(key, true) : undefined
  return isMap(value) ? value : undefined
}

function scalarIn(parent: unknown, key: string): Scalar | undefined {
  const value = isMap(parent) ? parent.get(key, true) : undefined
  return isScalar(value) ? value : undefined
}

function textIn(parent: unknown, key: string): string | undefined {
  const value = scalarIn(parent, key)?.value
  return typeof value === 'string' ? value : undefined
}
