import type { Verdict, VerdictRow, VerdictWord } from '../../baselines/index.ts'
import { escapeProse, maxCharacters } from '../markdown/document.ts'
import { cleanText, formatRule, listBrokenRows, summarizeVerdict } from '../wording/index.ts'

/** How a measuring command ended: its verdict, or why it has none. */
export type PublishedOutcome = VerdictWord | 'usage-error' | 'interrupted'

/** What CI shows of a result: as a check, a comment and a summary. */
export interface Publication {
  /** Names the check, and finds the comment again. */
  id: string
  outcome: PublishedOutcome
  mode: 'enforce' | 'advisory'
  /** Missing when the command ended before it had one. */
  verdict?: Verdict
  /** The reports, most important first: those that fit are shown. */
  documents: readonly string[]
  /** Where the complete report is. */
  link?: string
  /** Where the result is from, if that is not this workflow. */
  origin?: string
}

/** The part of a check that GitHub shows as its state. */
export interface Check {
  title: string
  conclusion: 'success' | 'failure' | 'neutral' | 'cancelled'
}

const unmeasured: Record<'usage-error' | 'interrupted', string> = {
  'usage-error': 'not measured: the command line, the config or an input file is wrong (see the log)',
  interrupted: 'interrupted before a verdict',
}

/** A neutral check does not block a merge; one that was not measured does, in advisory mode as well. */
export function toCheck({ outcome, mode, verdict }: Publication): Check {
  if (outcome === 'usage-error') return { title: unmeasured[outcome], conclusion: 'failure' }
  if (outcome === 'interrupted') return { title: unmeasured[outcome], conclusion: 'cancelled' }
  const first = verdict && listBrokenRows(verdict)[0]
  if (outcome === 'invalid')
    return {
      title: cleanText(`not measured: ${first ? formatRule(first) : 'no result was written'}`, 200),
      conclusion: 'failure',
    }
  const summary = verdict ? summarizeVerdict(verdict) : ''
  const advisory = mode === 'advisory' ? 'advisory, ' : ''
  return {
    title: cleanText(`${advisory}${outcome}: ${first ? formatRule(first) : summary}`, 200),
    conclusion:
      outcome === 'pass' ? 'success' : outcome === 'inconclusive' || advisory !== '' ? 'neutral' : 'failure',
  }
}

/** The Markdown of the check, of the comment and of the summary, in at most `limit` characters. */
export function formatPublication(publication: Publication, limit = maxCharacters): string {
  const { documents, link, origin } = publication
  const tail =
    (origin === undefined ? '' : `\n${origin}\n`) +
    (link !== undefined && /^https?:\/\/[^\s()<>]+$/.test(link) ? `\n[Complete report](${link})\n` : '')
  const all = documents.length > 0 ? documents : [`## vigil: ${escapeProse(toCheck(publication).title)}\n`]
  let text = ''
  for (const [index, document] of all.entries()) {
    const left = all.length - index
    const note = `\n_${left} more ${left === 1 ? 'report does' : 'reports do'} not fit here._\n`
    const isLast = left === 1
    if (text.length + document.length + tail.length + (isLast ? 1 : note.length + 1) > limit)
      return text.length + note.length + tail.length > limit ? text + tail : text + note + tail
    text += `${index === 0 ? '' : '\n'}${document}`
  }
  return text + tail
}

/** When a comment is written. */
export type CommentPolicy = 'always' | 'on-change' | 'never'

const markerPattern = /^<!-- vigil:([A-Za-z0-9][A-Za-z0-9._-]{0,63}) ([a-z-]+) -->/

/** Whether a comment is the one of this check: of a person who quotes one it is not, since `>` is first. */
export function isCommentOf(id: string, body: string): boolean {
  return markerPattern.exec(body)?.[1] === id
}

/**
 * The comment to write; undefined: none, and an earlier one stays as it is. Nothing is said about a plain
 * pass after a plain pass.
 *
 * @param last the body of the comment that is there
 */
export function composeComment(
  publication: Publication,
  policy: CommentPolicy,
  last: string | undefined,
): string | undefined {
  const { id, outcome, verdict } = publication
  const isPlainPass = outcome === 'pass' && !verdict?.rows.some(({ status }) => status === 'improved')
  const word = outcome === 'pass' && !isPlainPass ? 'improved' : outcome
  const wasPlainPass = last === undefined || markerPattern.exec(last)?.[2] === 'pass'
  if (policy === 'never' || (policy === 'on-change' && isPlainPass && wasPlainPass)) return undefined
  const marker = `<!-- vigil:${id} ${word} -->\n`
  return marker + formatPublication(publication, maxCommentCharacters - marker.length)
}

/** Of GitHub; a note of GitLab may be longer. */
const maxCommentCharacters = 65_536

/** A place in a file of the repository, relative to its top. */
export interface SourcePlace {
  path: string
  line: number
}

export interface Annotation extends SourcePlace {
  level: 'failure' | 'warning'
  title: string
  message: string
}

/** GitHub takes no more in one request, and shows no more of one job. */
const maxAnnotations = 50

/** The rows that keep a verdict from passing, worst first, at the place where each is written. */
export function toAnnotations(
  { verdict, mode }: Pick<Publication, 'verdict' | 'mode'>,
  locate: (row: VerdictRow) => SourcePlace | undefined,
): Annotation[] {
  return (verdict ? listBrokenRows(verdict) : [])
    .flatMap((row) => {
      const place = locate(row)
      const isWarning = row.status === 'inconclusive' || mode === 'advisory'
      return place === undefined
        ? []
        : [
            {
              ...place,
              level: isWarning ? ('warning' as const) : ('failure' as const),
              title: cleanText(`vigil: ${row.status}, ${row.suite ?? row.rule}`, 200),
              message: cleanText(formatRule(row), 1000),
            },
          ]
    })
    .slice(0, maxAnnotations)
}

/** What a runner shows at most of each level, for one step. */
const maxCommands = 10

/** Annotations as lines that GitHub's runner reads: for jobs that may not write a check. */
export function formatWorkflowCommands(annotations: readonly Annotation[]): string {
  return (['failure', 'warning'] as const)
    .flatMap((level) => annotations.filter((one) => one.level === level).slice(0, maxCommands))
    .map(
      ({ level, path, line, title, message }) =>
        `::${level === 'failure' ? 'error' : 'warning'} file=${escapeProperty(path)},line=${line},` +
        `title=${escapeProperty(title)}::${escapeData(message)}\n`,
    )
    .join('')
}

function escapeData(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A')
}

function escapeProperty(text: string): string {
  return escapeData(text).replaceAll(':', '%3A').replaceAll(',', '%2C')
}
