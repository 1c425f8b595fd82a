import type { VerdictRow } from '../../../baselines/index.ts'
import { listEvidence } from '../../../baselines/why/index.ts'
import { inkOf, paperOf } from '../../../reports/terminal/index.ts'
import type { Paper } from '../../../reports/terminal/index.ts'
import { plain, ruleLine } from '../../../reports/wording/index.ts'
import type { World } from '../../shared/world.ts'
import type { AbVerdict } from './files.ts'

/** Rows of a status that are shown before the others are only counted. */
const mostRows = {
  invalid: 8,
  fail: 12,
  inconclusive: 8,
  improved: 8,
  pass: 6,
  skipped: 3,
} as const satisfies Record<VerdictRow['status'], number>
const groups = ['invalid', 'fail', 'inconclusive', 'improved', 'pass', 'skipped'] as const

/** A duet as a person reads it: the verdict and what it rests on, why, every row worst first, and how to see it again. */
export function abText(verdict: AbVerdict, world: World): string {
  const paper = paperOf(world.terminal)
  const word = verdict.verdict.toUpperCase()
  const [first = '', ...more] = paper.paragraph(`${word}  `, headline(verdict))
  return [
    paper.ink(inkOf(verdict.verdict), word) + first.slice(word.length),
    ...more,
    ...whyLines(verdict, paper),
    ...groups.flatMap((status) =>
      groupLines(
        verdict.rows.filter((row) => row.status === status),
        mostRows[status],
        paper,
      ),
    ),
    ...(verdict.noise === undefined ? [] : paper.paragraph('  ', plain(verdict.noise, 500))),
    ...(verdict.verdict === 'pass' ? [] : paper.paragraph('  Again: ', plain(verdict.reproduce, 500))),
    ...paper.paragraph('  Judge the records again: ', plain(verdict.recompare, 500)),
    ...paper.paragraph('  Files: ', plain(verdict.folder, 500)),
    '',
  ].join('\n')
}

function headline({ sides, suite, rows, duet, verdict }: AbVerdict): string {
  const of = (status: VerdictRow['status']): number => rows.filter((row) => row.status === status).length
  const words = {
    pass:
      of('improved') > 0
        ? `not slower, and better in ${of('improved')} of ${rows.length}`
        : 'not slower by more than the margin',
    fail: `worse in ${of('fail')} of ${rows.length}`,
    inconclusive: 'not enough to decide',
    invalid: 'not to be judged',
  } as const
  const fresh = duet.processPairs > 1 ? `, on ${duet.processPairs} fresh pairs of processes` : ''
  return `${plain(sides.baseline, 100)} → ${plain(sides.candidate, 100)}, ${plain(suite, 80)}: ${words[verdict]}; ${duet.pairs} pairs in ${Math.round(duet.loadSeconds)} s of load${fresh}, ${duet.wallSeconds} s in all`
}

function whyLines({ why }: AbVerdict, paper: Paper): string[] {
  return why.flatMap((one) => [
    ...paper.paragraph(
      '  ',
      `${paper.ink('bold', plain(one.step ?? 'the whole', 100))}: ${plain(one.effect, 300)}`,
    ),
    ...listEvidence(one).flatMap((sentence) => paper.paragraph('    - ', plain(sentence, 300))),
  ])
}

function groupLines(rows: readonly VerdictRow[], most: number, paper: Paper): string[] {
  const lines = rows.slice(0, most).flatMap((row) => {
    const word = row.status.toUpperCase()
    const [first = '', ...more] = paper.paragraph(`  ${word.padEnd('INCONCLUSIVE'.length)}  `, ruleLine(row))
    return [`  ${paper.ink(inkOf(row.status), word)}${first.slice(2 + word.length)}`, ...more]
  })
  return rows.length > most
    ? [...lines, `  … and ${rows.length - most} more ${rows[0]?.status ?? ''}: --json`]
    : lines
}
