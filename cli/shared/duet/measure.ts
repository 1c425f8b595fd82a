import { join, relative } from 'node:path'
import { judgeDuet } from '../../../baselines/duet/index.ts'
import type { DuetRules } from '../../../baselines/duet/index.ts'
import type { Verdict } from '../../../baselines/index.ts'
import { explainFail } from '../../../baselines/why/index.ts'
import { controlProcesses, runDuet, withProcessControl } from '../../../load/duet/index.ts'
import type { DuetOutcome, DuetProgress, DuetSuite, DuetWorld, Scratch } from '../../../load/duet/index.ts'
import { cleanText, composeCommand } from '../../../reports/wording/index.ts'
import { planPinning } from '../../../runtime/processes/index.ts'
import { reportPaths } from '../artefacts.ts'
import { noiseNote, configSuiteName } from '../known-noise.ts'
import { describeEnvironment, newRunId } from '../session.ts'
import type { Session } from '../session.ts'
import { describeFailedSuites } from '../suites.ts'
import type { K6 } from '../suites.ts'
import { UsageError } from '../world.ts'
import { duetFiles, listMissing, writeDuet } from './files.ts'
import type { AbVerdict } from './files.ts'
import type { Sides } from './sides.ts'

/** How one suite's duet is measured and judged. */
export interface DuetPlan {
  sides: Sides
  suite: DuetSuite
  rules: DuetRules
  pairs: number
  maxMinutes: number
  /** Compare a second copy of the baseline with the baseline, too. */
  control?: boolean
  /** The command that repeats it. */
  reproduce: string
  k6: K6
  scratch: Scratch
  /** Wall time already spent on preparing the sides. */
  preparedSeconds: number
}

export interface MeasuredDuet {
  verdict: AbVerdict
  outcome: DuetOutcome
  /** What could not be written. */
  problems: string[]
}

/** Measures one suite's duet, judges and explains it, and writes its files. */
export async function measureDuet(session: Session, plan: DuetPlan): Promise<MeasuredDuet> {
  const startMs = performance.now()
  const id = newRunId(session, `ab-${plan.suite.name}`)
  const folder = duetFolder(session, id)
  const environment = describeEnvironment(session, plan.k6.label)
  const request = {
    run: id,
    source: plan.sides.source,
    suite: plan.suite,
    targets: plan.sides.targets,
    environment,
    rules: plan.rules,
    pairs: plan.pairs,
    profile: true,
    deadlineMs: startMs + (plan.maxMinutes * 60 - plan.preparedSeconds) * 1000,
  }
  const world = await createDuetWorld(session, plan.k6, {
    scratch: join(plan.scratch.folder, id),
    logs: folder,
  })
  const result = await runDuet(request, world)
  if (result.state === 'usage-error') throw new UsageError(result.reason)
  const processControl =
    plan.control === true && !session.world.interrupted.aborted
      ? await controlProcesses(request, result.outcome.processPairs, world)
      : undefined
  session.progress.done()
  const outcome = session.redact(
    processControl === undefined ? result.outcome : withProcessControl(result.outcome, processControl),
  )
  const noise = await noiseNote(
    session.out,
    configSuiteName(plan.suite.name),
    environment.fingerprint,
    session.progress.warn,
  )
  const wallSeconds = Math.round((performance.now() - startMs) / 1000 + plan.preparedSeconds)
  const verdict = toAbVerdict(session, plan, { id, folder, outcome, noise, wallSeconds })
  return { verdict, outcome, problems: await writeDuet(verdict, outcome, folder, session.world.args) }
}

interface DuetFacts {
  id: string
  folder: string
  outcome: DuetOutcome
  noise: string | undefined
  wallSeconds: number
}

function toAbVerdict(
  { world, loaded }: Session,
  plan: DuetPlan,
  { id, folder, outcome, noise, wallSeconds }: DuetFacts,
): AbVerdict {
  const missing = listMissing(outcome).map((line) => cleanText(line, 600))
  const shortFolder = relative(world.cwd, folder) || '.'
  return {
    ...outcome.verdict,
    run: id,
    suite: plan.suite.name,
    sides: plan.sides.names,
    duet: {
      pairs: outcome.units.baseline.length,
      decidedSeconds: outcome.loadSeconds.decided,
      loadSeconds: outcome.loadSeconds.all,
      processPairs: outcome.processPairs,
      wallSeconds,
    },
    why: explainFail(outcome.verdict, outcome.units),
    ...(outcome.control && { control: outcome.control }),
    ...(outcome.processControl?.state === 'ok' && { processControl: outcome.processControl.control }),
    ...(outcome.profile?.state === 'ok' && { functions: outcome.profile.comparison.changes }),
    ...(missing.length > 0 && { missing }),
    claims: describeFailedSuites(
      loaded.config,
      outcome.verdict.rows.map((row) => ({ ...row, suite: plan.suite.name })),
    ),
    ...(noise !== undefined && { noise }),
    reproduce: plan.reproduce,
    recompare: composeRecompare(shortFolder, plan.rules, outcome.control !== undefined),
    folder,
    reports: reportPaths(folder),
  }
}

/** The command that judges a duet's records again, by the same rules and with the same control. */
function composeRecompare(folder: string, { margin, strict }: DuetRules, hasControl: boolean): string {
  const { baseline, candidate, controlFirst, controlSecond } = duetFiles
  const file = (name: string): string => join(folder, name)
  return composeCommand([
    'compare',
    '--baseline',
    file(baseline),
    '--candidate',
    file(candidate),
    ...(hasControl ? ['--control', file(controlFirst), file(controlSecond)] : []),
    ...(margin === undefined ? [] : ['--margin', String(Number((margin * 100).toPrecision(12)))]),
    ...(strict ? ['--strict'] : []),
  ])
}

/** Next to the runs, as gates are: a duet is many records, and none of them a run of its suite. */
export function duetFolder({ out }: Session, id: string): string {
  return join(out, 'duets', id)
}

/** What a duet of this session may use of the machine and the process. */
export async function createDuetWorld(
  session: Session,
  k6: K6,
  folders: { scratch: string; logs: string },
): Promise<DuetWorld> {
  const { world } = session
  return {
    k6: k6.path,
    env: world.env,
    signal: world.interrupted,
    monotonicMs: () => performance.now(),
    wallMs: world.now,
    random: world.random,
    pinning: await planPinning(world.pid),
    ...folders,
    progress: createDuetProgress(session),
  }
}

/** Shows the progress of a duet: a live line after each unit on a terminal, a line at each look elsewhere. */
function createDuetProgress({ progress }: Session): DuetProgress {
  let isWarming = false
  return {
    phase: (text) => {
      progress.phase(text)
      isWarming = false
    },
    warming: (spentMs) => {
      if (progress.isLive) progress.draw(`  warming up both sides  ${Math.round(spentMs / 1000)} s`)
      else if (!isWarming) progress.phase('  warming up both sides until latency is stable')
      isWarming = true
    },
    measured: ({ pairs, planned, units, verdict, confirming }) => {
      const count = `  ${confirming ? 'confirmation, ' : ''}${pairs} of ${Math.max(pairs, planned)} pairs`
      if (verdict) progress.phase(`${count}: ${estimateText(verdict)}; ${openRowsText(verdict)}`)
      // Judging takes time: only where the estimate is visible.
      else if (progress.isLive) progress.draw(`${count}  ${estimateText(judgeDuet(units))}`)
    },
  }
}

function estimateText({ rows }: Verdict): string {
  const estimates = ['p50Ms', 'p95Ms'].flatMap((metric) => {
    const row = rows.find((one) => one.rule === 'comparison' && one.step === null && one.metric === metric)
    if (row?.ratio === undefined) return []
    const interval = row.ci ? ` (${percentText(row.ci[0])} … ${percentText(row.ci[1])})` : ''
    return [`${metric === 'p50Ms' ? 'p50' : 'p95'} ${percentText(row.ratio)}${interval}`]
  })
  return estimates.join(', ') || 'no estimate yet'
}

function percentText(ratio: number): string {
  const value = (ratio - 1) * 100
  return `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(1)} %`
}

function openRowsText({ verdict, rows }: Verdict): string {
  if (verdict !== 'inconclusive') return verdict
  const open = rows
    .filter((row) => row.status === 'inconclusive' && row.metric !== 'runs')
    .map((row) => `${row.step ?? 'all steps'} ${row.metric}`)
  return open.length === 0
    ? 'still undecided'
    : `still undecided: ${cleanText(open.slice(0, 3).join(', '), 120)}` +
        (open.length > 3 ? `, and ${open.length - 3} more` : '')
}
