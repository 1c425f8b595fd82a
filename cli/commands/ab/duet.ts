import { join, relative } from 'node:path'
import { explainFail } from '../../../baselines/why/index.ts'
import type { DuetRules } from '../../../baselines/duet/index.ts'
import { runDuet } from '../../../load/duet/index.ts'
import type { DuetOutcome, DuetSuite, Scratch } from '../../../load/duet/index.ts'
import { findTool } from '../../../runtime/tools/index.ts'
import { environmentHere, newRunId } from '../../shared/session.ts'
import type { Session } from '../../shared/session.ts'
import { UsageError } from '../../shared/world.ts'
import { abFiles, writeAb } from './files.ts'
import type { AbVerdict } from './files.ts'
import type { Sides } from './sides.ts'
import { abDefaults } from './options.ts'
import { duetWorld } from './world.ts'
import { suiteOf, noiseNote } from '../../shared/known-noise.ts'

export interface K6Found {
  path: string
  label: string
}

export interface AbPlan {
  sides: Sides
  suite: DuetSuite
  rules: DuetRules
  pairs: number
  maxMinutes: number
  /** The command that does it again. */
  reproduce: string
  quiet: boolean
  k6: K6Found
  scratch: Scratch
  /** Wall time that making the sides took already, in seconds. */
  preparedSeconds: number
}

export interface AbDone {
  verdict: AbVerdict
  outcome: DuetOutcome
  /** What could not be written. */
  problems: string[]
}

/** k6, or why a duet cannot be made. */
export async function findK6(
  session: Session,
): Promise<{ state: 'found'; k6: K6Found } | { state: 'missing'; reason: string }> {
  const tool = await findTool('k6', {
    env: session.world.env,
    progress: session.progress.phase,
    signal: session.world.interrupted,
  })
  return tool.state === 'missing'
    ? { state: 'missing', reason: `${tool.reason}: ${tool.whatToDo}` }
    : { state: 'found', k6: { path: tool.path, label: `k6 ${tool.version}` } }
}

/** One suite's duet: measured, judged, explained and kept. */
export async function abRun(session: Session, plan: AbPlan): Promise<AbDone> {
  const { world } = session
  const beganAt = performance.now()
  const id = newRunId(session, `ab-${plan.suite.name}`)
  const folder = duetFolder(session, id)
  const environment = environmentHere(plan.k6.label)
  const ended = await runDuet(
    {
      run: id,
      source: plan.sides.source,
      suite: plan.suite,
      targets: plan.sides.targets,
      environment,
      rules: plan.rules,
      pairs: plan.pairs,
      deadlineMs: beganAt + (plan.maxMinutes * 60 - plan.preparedSeconds) * 1000,
    },
    await duetWorld(session, plan.k6.path, {
      scratch: join(plan.scratch.folder, id),
      logs: folder,
      quiet: plan.quiet,
    }),
  )
  if (ended.state === 'usage-error') throw new UsageError(ended.reason)
  const { outcome } = ended
  const noise = await noiseNote(
    session.out,
    suiteOf(plan.suite.name),
    environment.fingerprint,
    session.progress.warn,
  )
  const here = relative(world.cwd, folder) || '.'
  const verdict: AbVerdict = {
    ...outcome.verdict,
    run: id,
    suite: plan.suite.name,
    sides: plan.sides.names,
    duet: {
      pairs: outcome.units.baseline.length,
      decidedSeconds: outcome.loadSeconds.decided,
      loadSeconds: outcome.loadSeconds.all,
      processPairs: outcome.processPairs,
      wallSeconds: Math.round((performance.now() - beganAt) / 1000 + plan.preparedSeconds),
    },
    why: explainFail(outcome.verdict, outcome.units),
    ...(noise !== undefined && { noise }),
    reproduce: plan.reproduce,
    recompare: `vigil compare --baseline ${here}/${abFiles.baseline} --candidate ${here}/${abFiles.candidate}`,
    folder,
  }
  return { verdict, outcome, problems: await writeAb(verdict, outcome, folder) }
}

/** Beside the runs, as gates are: a duet is many records, and none of them a run of its suite. */
export function duetFolder({ out }: Session, id: string): string {
  return join(out, 'duets', id)
}

export function plannedPairs(pairs: number | undefined): number {
  return pairs ?? abDefaults.pairs
}
