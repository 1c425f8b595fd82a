import type { VerdictRow } from '../../baselines/index.ts'
import { listEvidence } from '../../baselines/why/index.ts'
import type { Comparison, ReportInput } from '../input.ts'
import {
  adviseNextSteps,
  capitalize,
  describeLargestIncrease,
  figureHeadings,
  formatLevel,
  formatLimits,
  formatLocation,
  formatMetric,
  formatPlace,
  formatRatio,
  listBrokenRows,
  listEffects,
  listServerFacts,
  listSkippedRows,
  notMeasured,
  overall,
  summarizeComparison,
  summarizeProfile,
  toFunctionText,
  toStepFigures,
  wholeRun,
} from '../wording/index.ts'
import { escapeProse, formatCode, list, paragraph, tableBlock } from './document.ts'
import type { Block } from './document.ts'

const right = { align: 'right' } as const

/** A duet for a pull request: what was found, why, what to do, then each effect and both sides. */
export function formatComparison(input: ReportInput, comparison: Comparison): Block[] {
  const { verdict } = input
  const effects = listEffects(verdict.rows)
  const words = [
    ...listBrokenRows(verdict),
    ...verdict.rows.filter(({ status }) => status === 'improved'),
  ].map((row) => [formatStatus(row), escapeProse(row.message), where(row)])
  const known = effects.filter(({ status }) => status !== 'skipped')
  const unknown = effects.filter(({ status }) => status === 'skipped')
  return [
    paragraph(
      `## vigil ${escapeProse(input.title, 100)}: ${verdict.verdict.toUpperCase()}\n\n` +
        `${capitalize(escapeProse(summarizeComparison(comparison, input), 600))}.` +
        (comparison.control === undefined
          ? ''
          : `\n\n${capitalize(escapeProse(`control: ${comparison.control}`, 600))}.`),
    ),
    ...list(
      '**Why**',
      comparison.why.map((one) =>
        [
          one.step === null ? wholeRun : formatCode(one.step, 80),
          escapeProse(`: ${[one.effect, ...listEvidence(one)].join('; ')}`, 600),
        ].join(''),
      ),
      'places',
    ),
    ...functionsTable(comparison),
    ...list(
      '**What to do next**',
      adviseNextSteps(input).map((advice) => escapeProse(advice)),
      'sentences',
    ),
    ...list('**Repeat**', [formatCode(comparison.repeat, 2000)], 'commands'),
    ...tableBlock([{ text: 'status' }, { text: 'check' }, { text: 'location' }], words, 'rows'),
    ...tableBlock(headings, effectRows(known), 'effects'),
    ...sideTable(input, comparison),
    ...serverTable(input, comparison),
    ...tableBlock(headings, effectRows(unknown), 'effects', `${unknown.length} effects too noisy to judge`),
    ...tableBlock(
      [{ text: 'skipped' }, { text: 'location' }],
      listSkippedRows(verdict).map((row) => [escapeProse(row.message), where(row)]),
      'rows',
      `${listSkippedRows(verdict).length} skipped checks`,
    ),
  ]
}

/** Which functions use more or less CPU time on the candidate. */
function functionsTable({ profile }: Comparison): Block[] {
  if (profile === undefined) return []
  const largest = describeLargestIncrease(profile) ?? 'no function stands out from the noise of sampling'
  const words = escapeProse(`${largest}. ${capitalize(summarizeProfile(profile))}`, 1200)
  return [
    paragraph(`**Which function**\n\n${capitalize(words)}.`),
    ...tableBlock(
      [
        { text: 'function' },
        { text: 'file and line' },
        { text: 'CPU time a request', ...right },
        { text: 'change', ...right },
        { text: 'called by' },
      ],
      profile.changes
        .map(toFunctionText)
        .map(({ name, place: at, baseline, candidate, change, calledBy }) => [
          formatCode(name, 120),
          formatCode(at, 220),
          escapeProse(`${baseline} → ${candidate}`),
          escapeProse(change),
          formatCode(calledBy, 220),
        ]),
      'functions',
    ),
  ]
}

const headings = [
  { text: 'status' },
  { text: 'where' },
  { text: 'metric' },
  { text: 'baseline → candidate', ...right },
  { text: 'change', ...right },
  { text: 'limits of 95 %', ...right },
]

function effectRows(rows: readonly VerdictRow[]): string[][] {
  return rows.map((row) => [
    formatStatus(row),
    place(row),
    escapeProse(formatMetric(row)),
    escapeProse(`${formatLevel(row, row.baseline)} → ${formatLevel(row, row.candidate)}`),
    escapeProse(formatRatio(row.ratio ?? 1)),
    escapeProse(formatLimits(row.ci)),
  ])
}

function place(row: VerdictRow): string {
  return row.step === null ? wholeRun : formatCode(formatPlace(row))
}

function where(row: VerdictRow): string {
  return formatCode(formatLocation(row)) || wholeRun
}

function formatStatus({ status }: VerdictRow): string {
  return status === 'pass' || status === 'improved' || status === 'skipped'
    ? status
    : `**${status.toUpperCase()}**`
}

/** Each step of both sides, a line a side. */
function sideTable(input: ReportInput, { baseline }: Comparison): Block[] {
  const candidate = input.runs[0]?.run
  if (baseline === undefined || candidate === undefined) return []
  const before = new Map(toStepFigures(baseline).map(({ step, figures }) => [step, figures]))
  const rows = toStepFigures(candidate).flatMap(({ step, figures }) => {
    const label = step === null ? `**${overall}**` : formatCode(step, 120)
    return [
      [label, 'baseline', ...(before.get(step) ?? figureHeadings.map(() => '–'))],
      [label, 'candidate', ...figures],
    ]
  })
  return tableBlock(
    [{ text: 'step' }, { text: 'side' }, ...figureHeadings.map((text) => ({ text, ...right }))],
    rows,
    'steps',
    'both sides',
  )
}

/** The service's own figures on both sides. */
function serverTable(input: ReportInput, { baseline }: Comparison): Block[] {
  const candidate = input.runs[0]?.run
  if (baseline === undefined || candidate === undefined) return []
  const [before, after] = [new Map(listServerFacts(baseline)), new Map(listServerFacts(candidate))]
  return tableBlock(
    [{ text: 'service' }, { text: 'baseline', ...right }, { text: 'candidate', ...right }],
    [...new Set([...before.keys(), ...after.keys()])].map((label) =>
      [label, before.get(label) ?? notMeasured, after.get(label) ?? notMeasured].map((cell) =>
        escapeProse(cell),
      ),
    ),
    'figures',
    'service of both sides',
  )
}
