import { join, resolve } from 'node:path'
import { acceptRuns } from '../../../baselines/accepted/index.ts'
import type { AcceptCandidate, AcceptResult } from '../../../baselines/accepted/index.ts'
import { judgeRun } from '../../../baselines/index.ts'
import type { Verdict } from '../../../baselines/index.ts'
import type { Run } from '../../../record/index.ts'
import { jsonOf } from '../../../record/documents/index.ts'
import { listRuns, readRecord } from '../../../record/store/index.ts'
import type { Session } from '../../shared/session.ts'
import { printJson, readIfPresent, UsageError } from '../../shared/world.ts'
import { cleanText } from '../../../reports/wording/index.ts'
import { exitCodes } from '../../exit-codes.ts'
import { findGate } from '../../shared/artefacts.ts'
import { findBaseline, storedFolder, writeBaseline } from '../../shared/baselines.ts'
import type { BaselineOptions } from './command.ts'
import { baselineText } from './text.ts'

/** Accepts runs as the baseline of their suite and environment: all of them, or none. */
export async function accept(
  session: Session,
  names: readonly string[],
  options: BaselineOptions,
): Promise<number> {
  if (names.length === 0)
    throw new UsageError(
      'accept: found no run, expected ids, run folders or record files: vigil baseline accept <run…>',
    )
  if (options.anchor && !options.reason)
    throw new UsageError(
      '--anchor: found no --reason, expected one: a new anchor discards the drift measured so far',
    )
  const candidates: AcceptCandidate[] = []
  for (const name of await expandGates(session, names)) candidates.push(await readCandidate(session, name))
  const folder = storedFolder(session.loaded.file)
  const accepted: AcceptResult[] = []
  for (const group of groupByBaseline(candidates)) accepted.push(await acceptGroup(folder, group, options))
  const reasons = accepted
    .flatMap((one) => (one.state === 'invalid' ? one.reasons : []))
    .map((reason) => cleanText(reason, 600))
  // All or none: a partial acceptance could only be seen in the files.
  if (reasons.length > 0) {
    for (const reason of reasons) session.world.stderr(`vigil: refused: ${reason}\n`)
    if (options.json) printJson(session.world, { schema: 'vigil.acceptance/1', state: 'refused', reasons })
    return exitCodes.usageError.code
  }
  const files: string[] = []
  for (const one of accepted) if (one.state === 'ok') files.push(await writeBaseline(folder, one.baseline))
  const baselines = accepted.flatMap((one) => (one.state === 'ok' ? [one.baseline] : []))
  if (options.json)
    printJson(session.world, {
      schema: 'vigil.acceptance/1',
      state: 'accepted',
      files,
      baselines: baselines.map(({ suite, environment, runs, anchor }) => ({
        suite,
        environment: environment.fingerprint,
        runs: runs.map(({ id }) => id),
        anchor,
      })),
    })
  else
    session.world.stdout(
      `${baselines.map((one, index) => baselineText(one, files[index] ?? '')).join('\n')}Commit the ` +
        'file: later runs are compared with it.\n',
    )
  return exitCodes.pass.code
}

/** A gate, by its id or folder, stands for its runs. */
async function expandGates(session: Session, names: readonly string[]): Promise<string[]> {
  const expanded: string[] = []
  for (const name of names) expanded.push(...((await findGate(session, name))?.runs ?? [name]))
  return expanded
}

function groupByBaseline(candidates: readonly AcceptCandidate[]): AcceptCandidate[][] {
  return [
    ...Map.groupBy(candidates, ({ run }) =>
      JSON.stringify([run.suite, run.environment.fingerprint]),
    ).values(),
  ]
}

async function acceptGroup(
  folder: string,
  group: readonly AcceptCandidate[],
  options: BaselineOptions,
): Promise<AcceptResult> {
  const run = group[0]?.run
  if (!run) return { state: 'invalid', reasons: [] }
  const found = await findBaseline(folder, run.suite, run.environment.fingerprint)
  if (found.state === 'invalid') return { state: 'invalid', reasons: [found.problem] }
  return acceptRuns(
    found.state === 'ok' ? found.baseline : undefined,
    group,
    options.anchor ? { reason: options.reason ?? '' } : undefined,
  )
}

/**
 * A run by its id, folder or record, with the verdict next to it; a fail by the current budgets counts as
 * well.
 */
async function readCandidate(session: Session, name: string): Promise<AcceptCandidate> {
  const { out, world } = session
  const path = (await listRuns(out)).includes(name) ? resolve(out, 'runs', name) : resolve(world.cwd, name)
  const stored = await readRecord(path)
  if (stored.state === 'invalid') throw new UsageError(stored.problem)
  const verdict = parseVerdict(
    (await readIfPresent(join(stored.folder, 'verdict.json')).catch(() => undefined)) ?? '',
  )
  return { run: stored.run, verdict: withCurrentBudgets(verdict, stored.run, session) }
}

function withCurrentBudgets(verdict: Verdict | undefined, run: Run, session: Session): Verdict | undefined {
  const { config } = session.loaded
  const today = judgeRun(run, config.suites[run.suite]?.budgets ?? config.budgets ?? {})
  return verdict?.verdict === 'pass' && today.verdict === 'fail' ? today : verdict
}

const words = new Set(['pass', 'fail', 'inconclusive', 'invalid'])

/** The fields of a verdict that acceptance reads; undefined if the text is not a verdict. */
function parseVerdict(text: string): Verdict | undefined {
  const json = jsonOf(text)
  if (json.state === 'invalid' || !isVerdict(json.value)) return undefined
  return json.value
}

function isVerdict(value: unknown): value is Verdict {
  if (
    typeof value !== 'object' ||
    value === null ||
    !('schema' in value && 'verdict' in value && 'rows' in value)
  )
    return false
  return value.schema === 'vigil.verdict/1' && words.has(String(value.verdict)) && Array.isArray(value.rows)
}
