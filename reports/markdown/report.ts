import type { RowStatus } from '../../baselines/index.ts'
import type { Run } from '../../record/index.ts'
import type { ReportInput, RunReport } from '../input.ts'
import {
  adviseNextSteps,
  listBrokenRows,
  toBudgetUses,
  listEnvironmentFacts,
  toFailureTexts,
  figureHeadings,
  toStepFigures,
  listGeneratorFacts,
  describeLoad,
  findNearestLimit,
  toPublicUrl,
  toProbeText,
  listScriptFacts,
  listServerFacts,
  listSkippedRows,
  summarizeVerdict,
  listTargetFacts,
  formatUse,
  formatLocation,
  overall,
  capitalize,
} from '../wording/index.ts'
import { formatComparison } from './comparison.ts'
import {
  joinBlocks,
  list,
  maxCharacters,
  paragraph,
  tableBlock,
  formatCode,
  escapeProse,
} from './document.ts'
import type { Block } from './document.ts'

/**
 * The report for a pull request or a step summary: verdict and failed checks are visible, the rest is
 * folded. At most `limit` characters. No text from outside is read as Markdown, HTML, a mention or a link.
 */
export function markdownReport(input: ReportInput, limit = maxCharacters): string {
  return joinBlocks(
    [
      ...(input.comparison
        ? formatComparison(input, input.comparison)
        : [...formatVerdict(input), ...input.runs.flatMap(formatRun)]),
      ...formatProbes(input),
      ...list(
        '**Notes**',
        input.notes.map((note) => escapeProse(note)),
        'notes',
      ),
      ...formatFacts(input),
    ],
    limit,
  )
}

const right = { align: 'right' } as const

function formatVerdict(input: ReportInput): Block[] {
  const { verdict } = input
  const near = verdict.verdict === 'pass' ? findNearestLimit(verdict.rows) : undefined
  const rows = listBrokenRows(verdict).map((row) => [
    formatStatus(row.status),
    escapeProse(row.message),
    formatCode(formatLocation(row)),
  ])
  return [
    paragraph(
      `## vigil ${escapeProse(input.title, 100)}: ${verdict.verdict.toUpperCase()}\n\n` +
        `${capitalize(escapeProse(summarizeVerdict(verdict)))}.`,
    ),
    ...tableBlock([{ text: 'status' }, { text: 'check' }, { text: 'location' }], rows, 'rows'),
    ...tableBlock(
      [{ text: 'skipped' }, { text: 'location' }],
      listSkippedRows(verdict).map((row) => [escapeProse(row.message), formatCode(formatLocation(row))]),
      'rows',
    ),
    ...(near
      ? [
          paragraph(
            `Nearest to its limit: ${escapeProse(near.row.message)}, ` +
              `${formatCode(formatLocation(near.row))}.`,
          ),
        ]
      : []),
    ...list(
      '**What to do next**',
      adviseNextSteps(input).map((advice) => escapeProse(advice)),
      'sentences',
    ),
  ]
}

function formatRun(report: RunReport): Block[] {
  const { run, verdict } = report
  const figures = toStepFigures(run).map(({ step, figures: cells }) => [
    step === null ? `**${overall}**` : formatCode(step, 120),
    ...cells,
  ])
  const failures = toFailureTexts(run).map(({ count, class: kind, meaning, step, first, example, ids }) => [
    count,
    escapeProse(`${kind}, ${meaning}`),
    formatCode(step, 120),
    first,
    formatCode(example) + (ids === '' ? '' : ` request ids ${formatCode(ids)}`),
  ])
  const budgets = toBudgetUses(verdict.rows).map(({ row, label, actual, limit, used }) => [
    formatStatus(row.status),
    label,
    row.step === null ? overall : formatCode(row.step, 120),
    escapeProse(actual),
    escapeProse(limit),
    formatUse(used),
  ])
  return [
    paragraph(
      `### ${formatCode(run.suite, 80)}: ${verdict.verdict.toUpperCase()}\n\n` +
        escapeProse(describeLoad(run)),
    ),
    ...tableBlock(
      [
        { text: 'failures', ...right },
        { text: 'class' },
        { text: 'step' },
        { text: 'first at', ...right },
        { text: 'example' },
      ],
      failures,
      'kinds of failure',
    ),
    ...tableBlock(
      [{ text: 'step' }, ...figureHeadings.map((text) => ({ text, ...right }))],
      figures,
      'steps',
      verdict.verdict === 'fail' || figures.length <= 8 ? undefined : `${figures.length - 1} steps`,
    ),
    ...tableBlock(
      [
        { text: 'status' },
        { text: 'budget' },
        { text: 'step' },
        { text: 'actual', ...right },
        { text: 'limit', ...right },
        { text: 'used', ...right },
      ],
      budgets,
      'budgets',
      `${budgets.length} budgets`,
    ),
    ...formatScriptFacts(run),
  ]
}

function formatScriptFacts(run: Run): Block[] {
  return tableBlock(
    [{ text: 'script metric' }, { text: 'value', ...right }],
    listScriptFacts(run).map(([name, value]) => [formatCode(name, 100), escapeProse(value)]),
    'metrics',
    'metrics and checks of the script',
  )
}

function formatProbes({ probes }: ReportInput): Block[] {
  const texts = (probes?.probes ?? []).map(toProbeText)
  const rows = texts.map(({ name, outcome, took, attempts, message }) => [
    outcome === 'up' ? 'up' : `**${outcome}**`,
    formatCode(name),
    took,
    attempts,
    formatCode(message),
  ])
  const steps = texts
    .filter(({ outcome }) => outcome !== 'up')
    .flatMap((probe) =>
      probe.steps.map(({ step, ok, status, took, message }) => [
        formatCode(probe.name),
        formatCode(step),
        ok ? 'ok' : '**FAIL**',
        escapeProse(status),
        took,
        formatCode(message),
      ]),
    )
  return [
    ...tableBlock(
      [
        { text: 'outcome' },
        { text: 'probe' },
        { text: 'duration', ...right },
        { text: 'attempts' },
        { text: 'reason' },
      ],
      rows,
      'probes',
    ),
    ...tableBlock(
      [
        { text: 'probe' },
        { text: 'step' },
        { text: 'result' },
        { text: 'status' },
        { text: 'duration', ...right },
        { text: 'reason' },
      ],
      steps,
      'steps',
      'steps of probes that are not up',
    ),
  ]
}

function formatFacts(input: ReportInput): Block[] {
  return input.runs.flatMap(({ run }) => {
    const facts = [
      ...listTargetFacts(run),
      ...listServerFacts(run).map(([name, value]) => [`service: ${name}`, value] as const),
      ...listGeneratorFacts(run).map(([name, value]) => [`generator: ${name}`, value] as const),
      ...listEnvironmentFacts(run).map(([name, value]) => [`environment: ${name}`, value] as const),
    ]
    return tableBlock(
      [{ text: 'fact' }, { text: 'value' }],
      facts.map(([name, value]) => [escapeProse(name), formatCode(value)]),
      'facts',
      `facts of the run against <code>${escapeProse(toPublicUrl(run.target.url))}</code>`,
    )
  })
}

function formatStatus(status: RowStatus): string {
  return status === 'pass' || status === 'improved' || status === 'skipped'
    ? status
    : `**${status.toUpperCase()}**`
}
