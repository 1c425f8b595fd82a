import { join } from 'node:path'
import type { Control } from '../../../baselines/duet/index.ts'
import type { FunctionChange, ProfileComparison } from '../../../baselines/profiles/index.ts'
import type { Explanation } from '../../../baselines/why/index.ts'
import type { Verdict } from '../../../baselines/index.ts'
import { mergeUnitRecords } from '../../../load/duet/index.ts'
import type { DuetOutcome } from '../../../load/duet/index.ts'
import { countOf } from '../../../record/index.ts'
import type { ComparableRun, Run } from '../../../record/index.ts'
import { writeWhole } from '../../../record/store/index.ts'
import type { ReportInput, RunReport } from '../../../reports/index.ts'
import { tryWrite, writeReports } from '../artefacts.ts'
import type { reportPaths } from '../artefacts.ts'
import { version } from '../world.ts'

/** What `vigil ab --json` prints: a verdict, its evidence, and how it was measured. */
export interface AbVerdict extends Verdict {
  suite: string
  sides: { baseline: string; candidate: string }
  /**
   * Measured pairs, seconds of load until the decision and in total, and newly started pairs of processes.
   */
  duet: {
    pairs: number
    decidedSeconds: number
    loadSeconds: number
    processPairs: number
    wallSeconds: number
  }
  why: Explanation[]
  /** The baseline against itself, judged by the same rules. */
  control?: Control
  /** With `--control`: a second copy of the baseline against the baseline. */
  processControl?: Control
  /** The owner and the claim of the suite, if it failed and the config has them. */
  /** Functions whose CPU time a request changed, largest change first; all of it is in `profile.json`. */
  functions?: FunctionChange[]
  claims: string[]
  /** What was to be measured in addition to the sides, and was not; one line each. */
  missing?: string[]
  /** The noise of this machine, if `vigil doctor --noise` has measured it. */
  noise?: string
  /** The command that repeats it. */
  reproduce: string
  /** The command that judges its records again. */
  recompare: string
  folder: string
  reports: ReturnType<typeof reportPaths>
}

/** The files in a duet's folder: the units of both sides in order, the counts, and the control's units. */
export const duetFiles = {
  baseline: 'baseline.jsonl',
  candidate: 'candidate.jsonl',
  exact: 'exact.json',
  controlFirst: 'control-first.jsonl',
  controlSecond: 'control-second.jsonl',
  /** Of a fail that CPU time can explain. */
  profile: 'profile.json',
  controlProcessFirst: 'control-process-first.jsonl',
  controlProcessSecond: 'control-process-second.jsonl',
} as const

/** Writes what was measured and every report. Returns what could not be written, one line each. */
export async function writeDuet(
  verdict: AbVerdict,
  outcome: DuetOutcome,
  folder: string,
  command?: readonly string[],
): Promise<string[]> {
  const written = await tryWrite(folder, async () => {
    const { units, controlUnits, processControl } = outcome
    const put = async (name: string, runs: readonly ComparableRun[]): Promise<void> =>
      writeWhole(join(folder, name), runs.map((run) => `${JSON.stringify(run)}\n`).join(''))
    for (const side of ['baseline', 'candidate'] as const) await put(duetFiles[side], units[side])
    if (controlUnits !== undefined) {
      await put(duetFiles.controlFirst, controlUnits.first)
      await put(duetFiles.controlSecond, controlUnits.second)
    }
    if (processControl?.state === 'ok') {
      await put(duetFiles.controlProcessFirst, processControl.units.baseline)
      await put(duetFiles.controlProcessSecond, processControl.units.candidate)
    }
    await writeWhole(join(folder, duetFiles.exact), `${JSON.stringify(units.exact)}\n`)
    const profile = toProfile(verdict, outcome)
    if (profile !== undefined)
      await writeWhole(join(folder, duetFiles.profile), `${JSON.stringify(profile)}\n`)
  })
  if (written.length > 0) return written
  const problems = await writeReports(folder, toDuetReport(verdict, outcome, command))
  // The reports write a plain verdict: this one has more fields.
  await writeWhole(join(folder, 'verdict.json'), `${JSON.stringify(verdict, null, 2)}\n`).catch(
    (error: unknown) => problems.push(String(error)),
  )
  return problems
}

export function toDuetReport(
  verdict: AbVerdict,
  outcome: DuetOutcome,
  command?: readonly string[],
): ReportInput {
  const merged = mergeSide(verdict, outcome, 'candidate')
  const baseline = mergeSide(verdict, outcome, 'baseline')
  const profile = toProfile(verdict, outcome)
  const controls = [verdict.control, verdict.processControl].filter((control) => control !== undefined)
  const runs: RunReport[] = merged
    ? [
        {
          run: merged,
          budgets: {},
          verdict: { schema: 'vigil.verdict/1', verdict: verdict.verdict, rows: [] },
        },
      ]
    : []
  return {
    title: `ab ${verdict.sides.baseline} → ${verdict.sides.candidate}, ${verdict.suite}`,
    verdict,
    runs,
    notes: [
      ...verdict.claims,
      ...notesOf(outcome),
      ...(verdict.missing ?? []),
      ...(verdict.noise === undefined ? [] : [verdict.noise]),
    ],
    ...(command?.[0] === 'ab' && { command }),
    comparison: {
      suite: verdict.suite,
      sides: verdict.sides,
      pairs: verdict.duet.pairs,
      loadSeconds: verdict.duet.loadSeconds,
      processPairs: verdict.duet.processPairs,
      why: verdict.why,
      ...(profile && { profile }),
      ...(baseline && { baseline }),
      byPair: toPairs(outcome),
      ...(controls.length > 0 && { control: controls.map(({ text }) => text).join('; ') }),
      repeat: verdict.reproduce,
    },
    folder: verdict.folder,
    vigilVersion: version(),
  }
}

/** The document about the functions of both sides; undefined where nothing was profiled. */
function toProfile(
  { run = 'ab', suite }: Pick<AbVerdict, 'run' | 'suite'>,
  { profile }: DuetOutcome,
): ProfileComparison | undefined {
  return profile?.state === 'ok'
    ? { schema: 'vigil.profile/1', run, suite, ...profile.comparison }
    : undefined
}

/** What was to be measured in addition to the sides, and was not. */
export function listMissing({
  profile,
  processControl,
}: Pick<DuetOutcome, 'profile' | 'processControl'>): string[] {
  return [
    ...(profile?.state === 'unavailable' ? [`no profile: ${profile.reason}`] : []),
    ...(processControl?.state === 'unavailable'
      ? [`no second copy of the baseline was compared: ${processControl.reason}`]
      : []),
  ]
}

function notesOf({ units }: DuetOutcome): Set<string> {
  return new Set([...units.baseline, ...units.candidate].flatMap(({ notes = [] }) => notes))
}

function p95Of(unit: ComparableRun | undefined): number | undefined {
  const answered = Object.values(unit?.endpoints ?? {}).some(({ histogram }) => countOf(histogram) > 0)
  return unit === undefined || !answered ? undefined : unit.totals.latency.p95Ms
}

/** The p95 of each pair, in order. */
function toPairs({ units }: DuetOutcome): { baselineMs?: number; candidateMs?: number }[] {
  const count = Math.max(units.baseline.length, units.candidate.length)
  return Array.from({ length: count }, (_, index) => {
    const [baselineMs, candidateMs] = [p95Of(units.baseline[index]), p95Of(units.candidate[index])]
    return {
      ...(baselineMs !== undefined && { baselineMs }),
      ...(candidateMs !== undefined && { candidateMs }),
    }
  })
}

function mergeSide(
  verdict: AbVerdict,
  outcome: DuetOutcome,
  side: 'baseline' | 'candidate',
): Run | undefined {
  const invalid = verdict.rows.filter((row) => row.status === 'invalid').map((row) => row.message)
  return mergeUnitRecords(outcome.units[side].filter(isRun), verdict.run ?? 'ab', {
    reasons: verdict.verdict === 'invalid' ? invalid : [],
    interrupted: outcome.interrupted,
  })
}

function isRun(run: DuetOutcome['units']['candidate'][number]): run is Run {
  return (
    run.id !== undefined &&
    run.environment !== undefined &&
    run.load !== undefined &&
    run.durationMs !== undefined
  )
}
