import { inkOf, paperOf } from '../../../reports/terminal/index.ts'
import { plain } from '../../../reports/wording/index.ts'
import type { World } from '../../shared/world.ts'
import type { BisectReport, Commit } from './bisect-report.ts'

/** Which commit it was, what it did, and how that was found. */
export function bisectText(report: BisectReport, world: World): string {
  const paper = paperOf(world.terminal)
  const { culprit, known } = report
  const [word, found] = ((): ['FAIL' | 'INCONCLUSIVE' | 'INVALID', string] => {
    switch (culprit.state) {
      case 'found':
        return ['FAIL', `${named(culprit.commit)} made it slower`]
      case 'among':
        return [
          'INCONCLUSIVE',
          `one of ${culprit.commits.length} commits made it slower; those between ${culprit.why === 'open' ? 'stay open' : 'could not be started'}`,
        ]
      case 'interrupted':
        return ['INVALID', 'interrupted before the commit was found']
    }
  })()
  const [first = '', ...more] = paper.paragraph(`${word}  `, found)
  return [
    paper.ink(inkOf(word === 'FAIL' ? 'fail' : word === 'INVALID' ? 'invalid' : 'inconclusive'), word) +
      first.slice(word.length),
    ...more,
    ...(culprit.state === 'among'
      ? culprit.commits.flatMap((commit) => paper.paragraph('    ', named(commit)))
      : []),
    ...paper.paragraph(
      '  What is worse: ',
      plain(`${known.step === null ? '' : `${known.step}: `}${known.message}`, 400),
    ),
    ...paper.paragraph(
      '  Tried: ',
      report.attempts.map(({ sha, tried }) => `${sha.slice(0, 9)} ${tried}`).join(', ') || 'nothing',
    ),
    ...(culprit.state === 'found'
      ? paper.paragraph(
          '  Again: ',
          `vigil ab ${culprit.commit.sha.slice(0, 12)}~1 ${culprit.commit.sha.slice(0, 12)}`,
        )
      : []),
    `  ${report.commits} commits, ${report.attempts.length} tried, ${report.wallSeconds} s`,
    '',
  ].join('\n')
}

function named({ sha, subject }: Commit): string {
  return plain(`${sha.slice(0, 9)} ${subject}`, 160)
}
