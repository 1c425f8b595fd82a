import type { RowStatus } from '../../baselines/index.ts'
import type { ReportInput, RunReport } from '../input.ts'
import {
  adviceOf,
  brokenRows,
  budgetUses,
  environmentFacts,
  failureTexts,
  figureHeadings,
  figureRows,
  generatorFacts,
  loadLine,
  nearestLimit,
  plainUrl,
  probeText,
  serverFacts,
  skippedRows,
  tally,
  targetFacts,
  usedText,
  whereOf,
} from '../wording/index.ts'
import { documentOf, list, mostCharacters, paragraph, tableBlock, code, prose } from './document.ts'
import type { Block } from './document.ts'

/**
 * The report for a pull request or a step summary: verdict and broken rules in sight, the rest folded. Never longer than
 * `limit` characters; nothing from outside is read as Markdown, HTML, a mention or a link.
 */
export function markdownReport(input: ReportInput, limit = mostCharacters): string {
  return documentOf(
    [
      ...verdictBlocks(input),
      ...input.runs.flatMap(runBlocks),
      ...probeBlocks(input),
      ...list(
        '**Notes**',
        input.notes.map((note) => prose(note)),
        'notes',
      ),
      ...factBlocks(input),
    ],
    limit,
  )
}

const right = { align: 'right' } as const

function verdictBlocks(input: ReportInput): Block[] {
  const { verdict } = input
  const near = verdict.verdict === 'pass' ? nearestLimit(verdict.rows) : undefined
  const rows = brokenRows(verdict).map((row) => [
    statusWord(row.status),
    prose(row.message),
    code(whereOf(row)),
  ])
  return [
    paragraph(
      `## vigil ${prose(input.title, 100)}: ${verdict.verdict.toUpperCase()}\n\n${capital(prose(tally(verdict)))}.`,
    ),
    ...tableBlock([{ text: 'status' }, { text: 'rule' }, { text: 'where' }], rows, 'rows'),
    ...tableBlock(
      [{ text: 'not judged' }, { text: 'where' }],
      skippedRows(verdict).map((row) => [prose(row.message), code(whereOf(row))]),
      'rows',
    ),
    ...(near
      ? [paragraph(`Nearest to its limit: ${prose(near.row.message)}, ${code(whereOf(near.row))}.`)]
      : []),
    ...list(
      '**What to do next**',
      adviceOf(input).map((advice) => prose(advice)),
      'sentences',
    ),
  ]
}

function runBlocks(report: RunReport): Block[] {
  const { run, verdict } = report
  const figures = figureRows(run).map(({ step, figures: cells }) => [
    step === null ? '**whole run**' : code(step, 120),
    ...cells,
  ])
  const failures = failureTexts(run).map(({ count, class: kind, meaning, step, first, example }) => [
    count,
    prose(`${kind}, ${meaning}`),
    code(step, 120),
    first,
    code(example),
  ])
  const budgets = budgetUses(verdict.rows).map(({ row, label, actual, limit, used }) => [
    statusWord(row.status),
    label,
    row.step === null ? 'whole run' : code(row.step, 120),
    prose(actual),
    prose(limit),
    usedText(used),
  ])
  return [
    paragraph(`### ${code(run.suite, 80)}: ${verdict.verdict.toUpperCase()}\n\n${prose(loadLine(run))}`),
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
  ]
}

function probeBlocks({ probes }: ReportInput): Block[] {
  const texts = (probes?.probes ?? []).map(probeText)
  const rows = texts.map(({ name, outcome, took, attempts, message }) => [
    outcome === 'up' ? 'up' : `**${outcome}**`,
    code(name),
    took,
    attempts,
    code(message),
  ])
  const steps = texts
    .filter(({ outcome }) => outcome !== 'up')
    .flatMap((probe) =>
      probe.steps.map(({ step, ok, status, took, message }) => [
        code(probe.name),
        code(step),
        ok ? 'ok' : '**FAIL**',
        prose(status),
        took,
        code(message),
      ]),
    )
  return [
    ...tableBlock(
      [
        { text: 'probe is' },
        { text: 'probe' },
        { text: 'took', ...right },
        { text: 'attempts' },
        { text: 'why' },
      ],
      rows,
      'probes',
    ),
    ...tableBlock(
      [
        { text: 'probe' },
        { text: 'step' },
        { text: '' },
        { text: 'status' },
        { text: 'took', ...right },
        { text: 'why' },
      ],
      steps,
      'steps',
      'steps of probes that are not up',
    ),
  ]
}

function factBlocks(input: ReportInput): Block[] {
  return input.runs.flatMap(({ run }) => {
    const facts = [
      ...targetFacts(run),
      ...serverFacts(run).map(([name, value]) => [`service: ${name}`, value] as const),
      ...generatorFacts(run).map(([name, value]) => [`generator: ${name}`, value] as const),
      ...environmentFacts(run).map(([name, value]) => [`environment: ${name}`, value] as const),
    ]
    return tableBlock(
      [{ text: 'fact' }, { text: 'value' }],
      facts.map(([name, value]) => [prose(name), code(value)]),
      'facts',
      `facts of the run against <code>${prose(plainUrl(run.target.url))}</code>`,
    )
  })
}

function statusWord(status: RowStatus): string {
  return status === 'pass' || status === 'improved' || status === 'skipped'
    ? status
    : `**${status.toUpperCase()}**`
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}
