import { Command } from 'commander'
import type { Option } from 'commander'
import type { VerdictRow, VerdictWord } from '../../../baselines/index.ts'
import { listEvidence } from '../../../baselines/why/index.ts'
import { inkFor, createPaper } from '../../../reports/terminal/index.ts'
import type { Paper } from '../../../reports/terminal/index.ts'
import { cleanText, composeCommand, formatRule, toFunctionText } from '../../../reports/wording/index.ts'
import type { AbVerdict } from '../../shared/duet/files.ts'
import { addAbCommand } from './command.ts'
import type { World } from '../../shared/world.ts'
import type { KnownChange } from '../../../baselines/duet/index.ts'
import { readCommitSubject } from '../../../runtime/processes/index.ts'
import type { GitContext } from '../../../runtime/processes/index.ts'
import type { BisectTrial, CommitOutcome, Culprit } from '../../../load/duet/index.ts'

/** How many rows of a status are shown; the others are only counted. Worst status first. */
const maxRows = {
  invalid: 8,
  fail: 12,
  inconclusive: 8,
  improved: 8,
  pass: 6,
  skipped: 3,
} as const satisfies Record<VerdictRow['status'], number>
const statuses = ['invalid', 'fail', 'inconclusive', 'improved', 'pass', 'skipped'] as const

/** A path or a command is shown whole, up to the longest path of a file system. */
const maxCopied = 4096

/**
 * A duet for people: its verdict, its evidence, every row, worst first, and how to repeat it. Ends with a
 * newline.
 */
export function abText(verdict: AbVerdict, world: World, next: readonly string[]): string {
  const paper = createPaper(world.terminal)
  return [
    ...verdictLines(verdict.verdict, headline(verdict), paper),
    ...whyLines(verdict, paper),
    ...functionLines(verdict, paper),
    ...statuses.flatMap((status) => rowLines(verdict, status, paper)),
    ...[verdict.control, verdict.processControl].flatMap((control) =>
      control === undefined ? [] : paper.paragraph('  control: ', cleanText(control.text, 500)),
    ),
    ...(verdict.missing ?? []).flatMap((line) => paper.paragraph('  ', cleanText(line, 500))),
    ...verdict.claims.flatMap((claim) => paper.paragraph('  ', cleanText(claim, 500))),
    ...(verdict.noise === undefined ? [] : paper.paragraph('  ', cleanText(verdict.noise, 500))),
    ...next.flatMap((step) => paper.copyable('  Next: ', cleanText(step, maxCopied))),
    ...(verdict.verdict === 'pass'
      ? []
      : paper.copyable('  Repeat: ', cleanText(verdict.reproduce, maxCopied))),
    ...paper.copyable('  Judge the records again: ', cleanText(verdict.recompare, maxCopied)),
    ...paper.copyable(
      '  Report: ',
      `${cleanText(verdict.folder, maxCopied).replace(/\/+$/, '')}/report.html`,
    ),
    '',
  ].join('\n')
}

/** Which commit caused the slowdown, what it changed, and how it was found. Ends with a newline. */
export function bisectText(report: BisectReport, world: World): string {
  const args = world.args ?? ['ab']
  const paper = createPaper(world.terminal)
  const { culprit, known, attempts } = report
  const tried = attempts.map(({ sha, tried: outcome }) => `${sha.slice(0, 9)} ${outcome}`)
  return [
    ...culpritLines(culprit, paper),
    ...paper.paragraph(
      '  What is worse: ',
      cleanText(`${known.step === null ? '' : `${known.step}: `}${known.message}`, 400),
    ),
    ...paper.paragraph('  Tried: ', tried.join(', ') || 'nothing'),
    ...(culprit.state === 'found'
      ? paper.copyable('  Repeat: ', composeCommand(withRevisions(args, culprit.commit.sha.slice(0, 12))))
      : []),
    `  ${report.commits} ${report.commits === 1 ? 'commit' : 'commits'}, ` +
      `${attempts.length} tried, ${report.wallSeconds} s`,
    '',
  ].join('\n')
}

/** A typed `ab --bisect good bad`, as the duet of one commit and the one before it, with the same options. */
function withRevisions(args: readonly string[], sha: string): string[] {
  return ['ab', `${sha}~1`, sha, ...keepOptions(args.slice(1))]
}

/**
 * The typed options with their values, without `--bisect` and without arguments. Revisions may stand
 * anywhere, so the options of the command decide what a word is.
 */
function keepOptions(args: readonly string[]): string[] {
  const program = new Command()
  addAbCommand(program, async () => undefined)
  const options = program.commands.flatMap((command) => command.options)
  const kept: string[] = []
  let open: { option: Option; values: number } | undefined
  for (const arg of args) {
    if (arg === '--') break
    const isValue =
      open !== undefined && (open.values === 0 || (open.option.variadic && !arg.startsWith('-')))
    if (open === undefined || !isValue) {
      const [name = ''] = arg.split('=', 1)
      const option = options.find(({ short, long }) => name === short || name === long)
      open = option?.required && !arg.includes('=') ? { option, values: 0 } : undefined
      if (option !== undefined && !isBisect(option)) kept.push(arg)
      continue
    }
    open.values += 1
    if (!isBisect(open.option)) kept.push(arg)
  }
  return kept
}

function isBisect(option: Option): boolean {
  return option.long === '--bisect'
}

function culpritLines(culprit: BisectReport['culprit'], paper: Paper): string[] {
  switch (culprit.state) {
    case 'found':
      return verdictLines('fail', `${commitText(culprit.commit)} caused the slowdown`, paper)
    case 'among': {
      const why = culprit.why === 'open' ? 'stay undecided' : 'could not be started'
      return [
        ...verdictLines(
          'inconclusive',
          `one of ${culprit.commits.length} commits caused the slowdown; those between ${why}`,
          paper,
        ),
        ...culprit.commits.flatMap((commit) => paper.paragraph('    ', commitText(commit))),
      ]
    }
    case 'interrupted':
      return verdictLines('invalid', 'interrupted before the commit was found', paper)
  }
}

function commitText({ sha, subject }: Commit): string {
  return cleanText(`${sha.slice(0, 9)} ${subject}`, 160)
}

function verdictLines(verdict: VerdictWord, text: string, paper: Paper): string[] {
  const word = verdict.toUpperCase()
  const [first = '', ...more] = paper.paragraph(`${word}  `, text)
  return [paper.ink(inkFor(verdict), word) + first.slice(word.length), ...more]
}

function headline({ sides, suite, rows, duet, verdict }: AbVerdict): string {
  const count = (status: VerdictRow['status']): number => rows.filter((row) => row.status === status).length
  const summaries = {
    pass:
      count('improved') > 0
        ? `not slower, and better in ${count('improved')} of ${rows.length}`
        : 'not slower by more than the margin',
    fail: `worse in ${count('fail')} of ${rows.length}`,
    inconclusive: 'not enough data to decide',
    invalid: 'cannot be judged',
  } as const
  const processes = duet.processPairs > 1 ? `, on ${duet.processPairs} newly started pairs of processes` : ''
  return (
    `${cleanText(sides.baseline, 100)} → ${cleanText(sides.candidate, 100)}, ${cleanText(suite, 80)}: ` +
    `${summaries[verdict]}; ${duet.pairs} pairs in ${Math.round(duet.loadSeconds)} s of load${processes}, ` +
    `${duet.wallSeconds} s in total`
  )
}

function whyLines({ why }: AbVerdict, paper: Paper): string[] {
  return why.flatMap((one) => [
    ...paper.paragraph(
      '  ',
      `${paper.ink('bold', cleanText(one.step ?? 'all steps', 100))}: ${cleanText(one.effect, 300)}`,
    ),
    ...listEvidence(one).flatMap((sentence) => paper.paragraph('    - ', cleanText(sentence, 300))),
  ])
}

const maxFunctions = 3

function functionLines({ functions = [] }: AbVerdict, paper: Paper): string[] {
  const shown = functions.slice(0, maxFunctions).map(toFunctionText)
  const left = functions.length - shown.length
  return [
    ...shown.flatMap(({ name, place, change, calledBy }) =>
      paper.paragraph(
        '  ',
        `CPU ${change} a request in ${name} (${place})${calledBy === '' ? '' : `, called by ${calledBy}`}`,
      ),
    ),
    ...(left > 0 ? [`  … and ${left} more functions: report.html`] : []),
  ]
}

function rowLines(verdict: AbVerdict, status: VerdictRow['status'], paper: Paper): string[] {
  const rows = verdict.rows.filter((row) => row.status === status)
  const word = status.toUpperCase()
  const lines = rows.slice(0, maxRows[status]).flatMap((row) => {
    const [first = '', ...more] = paper.paragraph(
      `  ${word.padEnd('INCONCLUSIVE'.length)}  `,
      formatRule(row),
    )
    return [`  ${paper.ink(inkFor(status), word)}${first.slice(2 + word.length)}`, ...more]
  })
  const hidden = rows.length - maxRows[status]
  return hidden > 0 ? [...lines, `  … and ${hidden} more ${status}: --json`] : lines
}

/** What a bisect searches. */
export interface CommitRange {
  good: string
  bad: string
  /** From the one after `good` to `bad`. */
  commits: string[]
}

/** One commit between good and bad. */
export interface Commit {
  sha: string
  subject: string
}

/** `vigil.bisect/1`: which commit caused the slowdown, and how it was found. */
export interface BisectReport {
  schema: 'vigil.bisect/1'
  good: string
  bad: string
  commits: number
  /** What is worse at the bad end: what each commit was tested for. */
  known: KnownChange & { message: string }
  culprit:
    | Exclude<Culprit, { state: 'found' } | { state: 'among' }>
    | { state: 'found'; commit: Commit }
    | { state: 'among'; commits: Commit[]; why: string }
  attempts: (Commit & { tried: CommitOutcome; reason?: string })[]
  wallSeconds: number
}

interface BisectResult extends Pick<BisectReport, 'known' | 'wallSeconds'> {
  culprit: Culprit
  attempts: readonly BisectTrial[]
}

const gitTimeoutMs = 10_000

/**
 * The result of a search, with the names of the commits, which are read even if the search was interrupted.
 */
export async function toBisectReport(
  repository: GitContext,
  { good, bad, commits }: CommitRange,
  { known, culprit, attempts, wallSeconds }: BisectResult,
): Promise<BisectReport> {
  const git = { ...repository, signal: AbortSignal.timeout(gitTimeoutMs) }
  const commitAt = async (index: number): Promise<Commit> => ({
    sha: commits[index] ?? '',
    subject: await readCommitSubject(git, commits[index] ?? ''),
  })
  return {
    schema: 'vigil.bisect/1',
    good,
    bad,
    commits: commits.length,
    known,
    culprit: await nameCulprit(culprit, commitAt),
    attempts: await Promise.all(
      attempts.map(async ({ index, outcome }) => ({ ...(await commitAt(index)), tried: outcome })),
    ),
    wallSeconds: Math.round(wallSeconds),
  }
}

async function nameCulprit(
  culprit: Culprit,
  commitAt: (index: number) => Promise<Commit>,
): Promise<BisectReport['culprit']> {
  switch (culprit.state) {
    case 'found':
      return { state: 'found', commit: await commitAt(culprit.index) }
    case 'among': {
      const { from, to, why } = culprit
      const indexes = Array.from({ length: to - from + 1 }, (_, offset) => from + offset)
      return { state: 'among', commits: await Promise.all(indexes.map(commitAt)), why }
    }
    case 'interrupted':
      return culprit
  }
}
