import type { YAMLMap } from 'yaml'
import { compressMs, formatDuration, parseDuration } from './duration.ts'
import type { Speed } from './duration.ts'
import { usesCalendar, compressPromql, maskPromql, findSpans } from './promql.ts'
import { mapIn, mapsIn, readYaml, scalarIn, textIn } from './yaml-file.ts'

/** A file on the faster clock, or why it cannot be put on it. `notes` say what a faster clock does not reach. */
export type CompressedFile =
  | { state: 'compressed'; text: string; notes: string[] }
  | { state: 'refused'; reason: string }

/** How durations and expressions are rewritten: onto a faster clock, or blanked to be compared. */
interface Rewrite {
  duration: (ms: number) => string
  expression: (expression: string) => string | { flaw: string }
}

export type FileKind = 'rules' | 'prometheus' | 'alertmanager'

/**
 * A configuration with every stretch of time divided by `speed`. Time limits of the network stay as they are where the
 * tools allow it: the wire and the processor do not run faster. Thresholds, labels, texts and times of day are untouched.
 */
export function compressFile(kind: FileKind, text: string, file: string, speed: Speed): CompressedFile {
  const notes: string[] = []
  return rewrite(kind, text, file, notes, {
    duration: (ms) => formatDuration(compressMs(ms, speed)),
    expression: (expression) => {
      const read = findSpans(expression)
      if (read.state === 'refused') return { flaw: read.reason }
      if (usesCalendar(expression))
        notes.push(`asks for the hour or the date, which stays that of the wall clock: ${expression.trim()}`)
      return compressPromql(expression, read.spans, speed)
    },
  })
}

/** The file with every stretch of time blanked. Two files whose masks are equal differ in nothing but time. */
export function maskFile(kind: FileKind, text: string, file: string): CompressedFile {
  return rewrite(kind, text, file, [], { duration: () => '⏱', expression: maskPromql })
}

function rewrite(kind: FileKind, text: string, file: string, notes: string[], how: Rewrite): CompressedFile {
  const read = readYaml(text, file)
  if (read.state === 'refused') return read
  const flaws: string[] = []
  writers[kind](read.document.contents, how, (flaw) => void flaws.push(`${file}: ${flaw}`))
  const [flaw] = flaws
  if (flaw !== undefined) return { state: 'refused', reason: flaw }
  return { state: 'compressed', text: read.document.toString({ lineWidth: 0 }), notes }
}

type Flaw = (flaw: string) => void

const writers: Record<FileKind, (contents: unknown, how: Rewrite, flaw: Flaw) => void> = {
  rules: (contents, how, flaw) => {
    for (const group of mapsIn(contents, 'groups')) {
      durations(group, ['interval', 'query_offset'], how, flaw)
      for (const rule of mapsIn(group, 'rules')) writeRule(rule, how, flaw)
    }
  },
  prometheus: (contents, how, flaw) => {
    // A scrape may not take longer than its interval, so its limit goes with it; Prometheus refuses it otherwise.
    durations(
      mapIn(contents, 'global'),
      ['scrape_interval', 'scrape_timeout', 'evaluation_interval', 'rule_query_offset'],
      how,
      flaw,
    )
    for (const job of mapsIn(contents, 'scrape_configs'))
      durations(job, ['scrape_interval', 'scrape_timeout'], how, flaw)
  },
  alertmanager: (contents, how, flaw) => {
    durations(mapIn(contents, 'global'), ['resolve_timeout'], how, flaw)
    writeRoute(mapIn(contents, 'route'), how, flaw)
  },
}

function writeRule(rule: YAMLMap, how: Rewrite, flaw: Flaw): void {
  const name = textIn(rule, 'alert') ?? textIn(rule, 'record') ?? 'a rule without a name'
  durations(rule, ['for', 'keep_firing_for'], how, (text) => flaw(`${name}: ${text}`))
  const scalar = scalarIn(rule, 'expr')
  // An expression may be a bare number, which YAML reads as one.
  if (typeof scalar?.value !== 'string') return
  const written = how.expression(scalar.value)
  if (typeof written === 'string') scalar.value = written
  else flaw(`${name}: ${written.flaw}`)
}

function writeRoute(route: YAMLMap | undefined, how: Rewrite, flaw: Flaw): void {
  if (route === undefined) return
  durations(route, ['group_wait', 'group_interval', 'repeat_interval'], how, flaw)
  for (const child of mapsIn(route, 'routes')) writeRoute(child, how, flaw)
}

function durations(map: YAMLMap | undefined, keys: readonly string[], how: Rewrite, flaw: Flaw): void {
  for (const key of keys) {
    const scalar = scalarIn(map, key)
    if (scalar === undefined) continue
    const ms = scalar.value === 0 ? 0 : parseDuration(String(scalar.value))
    if (ms === undefined)
      flaw(`${key}: found ${JSON.stringify(scalar.value)}, expected a duration such as 30s`)
    else scalar.value = how.duration(ms)
  }
}
