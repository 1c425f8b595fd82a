import { stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { compareRuns, parseRuns } from '../../../baselines/compare/index.ts'
import type { ComparisonOptions } from '../../../baselines/compare/index.ts'
import { applyControl, judgeControl } from '../../../baselines/duet/index.ts'
import type { Control } from '../../../baselines/duet/index.ts'
import type { Verdict, VerdictRow } from '../../../baselines/index.ts'
import type { ComparableRun } from '../../../record/index.ts'
import { inkFor, createPaper } from '../../../reports/terminal/index.ts'
import type { Paper } from '../../../reports/terminal/index.ts'
import { cleanText, formatRule } from '../../../reports/wording/index.ts'
import { exitCodeOf } from '../../exit-codes.ts'
import { printJson, UsageError } from '../../shared/world.ts'
import type { World } from '../../shared/world.ts'
import { runBatch, openInput, toReadError } from '../../shared/batch.ts'
import { isDuet, configSuiteName, refuseNarrowMargin } from '../../shared/known-noise.ts'
import type { CompareOptions } from './command.ts'
import { decodeText, TextError } from '../../../record/store/index.ts'

/** Compares records made earlier; needs no config and no target. */
export async function compare(options: CompareOptions, world: World): Promise<number> {
  const comparison: ComparisonOptions = {
    strict: options.strict ?? false,
    ...(options.margin !== undefined && { margin: options.margin / 100 }),
  }
  if (options.batch !== undefined) {
    if (options.baseline || options.candidate || options.control)
      throw new UsageError(
        '--batch: found together with --baseline, --candidate or --control, expected one or the other: ' +
          'a batch holds both sides of every case',
      )
    return runBatch(options.batch, world, { kind: 'compare', comparison })
  }
  const [baselines, candidates] = [options.baseline ?? [], options.candidate ?? []]
  if (baselines.length === 0 || candidates.length === 0)
    throw new UsageError(
      `--${baselines.length === 0 ? 'baseline' : 'candidate'}: found none, expected record files, ` +
        'run folders or ids (or --batch with a file of cases)',
    )
  const { control: halves = [] } = options
  if (halves.length !== 0 && halves.length !== 2)
    throw new UsageError(
      `--control: found ${halves.length} file${halves.length === 1 ? '' : 's'}, expected two: ` +
        'control-first.jsonl and control-second.jsonl of a duet',
    )
  if ([...baselines, ...candidates, ...halves].filter((name) => name === '-').length > 1)
    throw new UsageError('-: found twice, expected standard input on one side once')
  const [before, after] = [
    await readAll(baselines, options.out, world),
    await readAll(candidates, options.out, world),
  ]
  await checkMargin(before, comparison.margin, options.out, world)
  const control = await judgeHalves(halves, comparison, options.out, world)
  const verdict = applyControl(compareRuns(before, after, comparison), control)
  if (options.json) printJson(world, { ...verdict, ...(control && { control }) })
  else world.stdout(comparisonText(verdict, control, world))
  return exitCodeOf(verdict.verdict)
}

async function judgeHalves(
  names: readonly string[],
  rules: ComparisonOptions,
  out: string,
  world: World,
): Promise<Control | undefined> {
  const [first, second] = names
  if (first === undefined || second === undefined) return undefined
  const units = {
    first: await readAll([first], out, world),
    second: await readAll([second], out, world),
  }
  return judgeControl(units, rules)
}

/**
 * Refuses a margin too narrow for the known noise of this machine. Only for units of a duet: noise was
 * measured with their load, not with that of other records.
 */
async function checkMargin(
  runs: readonly ComparableRun[],
  margin: number | undefined,
  out: string,
  world: World,
): Promise<void> {
  const [first] = runs
  if (first?.suite === undefined || first.environment === undefined || !isDuet(first.suite)) return
  await refuseNarrowMargin(
    resolve(world.cwd, out),
    [configSuiteName(first.suite)],
    margin,
    first.environment.fingerprint,
    (problem) => world.stderr(`vigil: ${problem}\n`),
  )
}

async function readAll(names: readonly string[], out: string, world: World): Promise<ComparableRun[]> {
  const runs: ComparableRun[] = []
  for (const name of names) {
    const path = await recordPath(name, out, world)
    const parsed = parseRuns(await textOf(path), path)
    if (parsed.state === 'invalid') throw new UsageError(cleanText(parsed.problem, 600))
    runs.push(...parsed.runs)
  }
  return runs
}

/** A file, a run's folder, or the id of a run under `<out>/runs/`. */
async function recordPath(name: string, out: string, world: World): Promise<string> {
  if (name === '-') return name
  const given = resolve(world.cwd, name)
  for (const path of [given, resolve(world.cwd, out, 'runs', name)]) {
    const found = await stat(path).catch(() => undefined)
    if (found?.isDirectory()) return join(path, 'record.json')
    if (found) return path
  }
  return given
}

/** A larger file is not a set of records. */
const longestFile = 512 * 2 ** 20

async function textOf(path: string): Promise<string> {
  const parts: Buffer[] = []
  let size = 0
  try {
    for await (const chunk of openInput(path)) {
      size += chunk.length
      if (size > longestFile)
        throw new UsageError(
          `${path}: over ${longestFile} bytes, expected records; use --batch for a file of many cases`,
        )
      parts.push(chunk)
    }
  } catch (error) {
    throw error instanceof UsageError ? error : toReadError(path, error)
  }
  try {
    return decodeText(Buffer.concat(parts), path)
  } catch (error) {
    throw error instanceof TextError ? new UsageError(error.message) : error
  }
}

/** How many rows of a status are shown; the others are only counted. */
const mostRows = 20

/** The verdict, its reason, and every row, worst first. */
function comparisonText(verdict: Verdict, control: Control | undefined, world: World): string {
  const paper = createPaper(world.terminal)
  const word = verdict.verdict.toUpperCase()
  const groups: VerdictRow['status'][] = ['invalid', 'fail', 'inconclusive', 'improved', 'pass', 'skipped']
  const lines = groups.flatMap((status) =>
    groupLines(
      verdict.rows.filter((row) => row.status === status),
      paper,
    ),
  )
  return [
    paper.ink(inkFor(verdict.verdict), word) +
      paper.paragraph(`${word}  `, summary(verdict)).join('\n').slice(word.length),
    ...lines,
    ...(control === undefined ? [] : paper.paragraph('  control: ', cleanText(control.text, 500))),
    '',
  ].join('\n')
}

function summary({ verdict, rows }: Verdict): string {
  const of = (status: VerdictRow['status']): VerdictRow[] => rows.filter((row) => row.status === status)
  switch (verdict) {
    case 'pass':
      return of('improved').length > 0
        ? `not slower, and better in ${of('improved').length} of ${rows.length}`
        : 'not slower by more than the margin'
    case 'fail':
      return `worse in ${of('fail').length} of ${rows.length}`
    case 'inconclusive':
      return 'not enough data to decide'
    case 'invalid':
      return 'cannot be compared'
  }
}

function groupLines(rows: readonly VerdictRow[], paper: Paper): string[] {
  const lines = rows.slice(0, mostRows).flatMap((row) => {
    const word = row.status.toUpperCase()
    const [first = '', ...more] = paper.paragraph(
      `  ${word.padEnd('INCONCLUSIVE'.length)}  `,
      formatRule(row),
    )
    return [`  ${paper.ink(inkFor(row.status), word)}${first.slice(2 + word.length)}`, ...more]
  })
  return rows.length > mostRows ? [...lines, `  … and ${rows.length - mostRows} more: --json`] : lines
}
