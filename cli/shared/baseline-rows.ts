import { figuresOf, holdAgainst, leastAccepted, waived } from '../../baselines/accepted/index.ts'
import type { Waiver } from '../../baselines/accepted/index.ts'
import { verdictOf } from '../../baselines/index.ts'
import type { VerdictRow } from '../../baselines/index.ts'
import type { JudgedRun } from './judged-run.ts'
import type { Session } from './session.ts'
import { findBaseline, readWaivers, storedFolder } from './baseline-files.ts'
import type { Found } from './baseline-files.ts'
import { noiseNote } from './known-noise.ts'

/**
 * Holds a judged run against what was accepted of its suite in its environment, and lets waivers stand for losses that were accepted.
 * Without a baseline a note says how to have one; what cannot be compared is told in a row and changes no verdict.
 */
export async function withBaseline(session: Session, judged: JudgedRun): Promise<JudgedRun> {
  const { run } = judged
  // Nothing is known of such a run that could be held against anything.
  if (!run.validity.valid || run.interrupted || run.totals.requests === 0) return judged
  const folder = storedFolder(session.loaded.file)
  const [found, waivers] = [
    await findBaseline(folder, run.suite, run.environment.fingerprint),
    await readWaivers(folder),
  ]
  if (waivers.state === 'refused') return withRows(judged, [invalid(run.suite, 'waivers', waivers.problem)])
  const held = {
    ...judged,
    ...(found.state === 'read' && { baseline: figuresOf(found.baseline) }),
    ...(found.state === 'none' &&
      found.elsewhere.length === 0 && { notes: [howToAccept(run.suite, run.id)] }),
  }
  const noise = await noiseNote(session.out, run.suite, run.environment.fingerprint, session.progress.warn)
  return withRows(
    { ...held, notes: [...(held.notes ?? []), ...(noise === undefined ? [] : [noise])] },
    rowsFor(judged, found, waivers.waivers, session.world.now()),
  )
}

function rowsFor({ run }: JudgedRun, found: Found, waivers: readonly Waiver[], nowMs: number): VerdictRow[] {
  switch (found.state) {
    case 'read':
      return waived(holdAgainst(found.baseline, run), waivers, run.suite, nowMs)
    case 'refused':
      return [invalid(run.suite, 'baseline', found.problem)]
    case 'none': {
      const here = run.environment.fingerprint
      const unlike: VerdictRow[] =
        found.elsewhere.length === 0
          ? []
          : [
              {
                rule: 'baseline',
                suite: run.suite,
                step: null,
                metric: 'environment',
                status: 'skipped',
                message: `not compared: runs were accepted on ${found.elsewhere.slice(0, 4).join(', ')}, this one was made on ${here}: the machine would decide, not the code; ${howToAccept(run.suite, run.id)}`,
              },
            ]
      return waived(unlike, waivers, run.suite, nowMs)
    }
  }
}

function withRows(judged: JudgedRun, rows: readonly VerdictRow[]): JudgedRun {
  const all = [...judged.verdict.rows, ...rows]
  const against = judged.baseline?.runs.at(-1)
  return {
    ...judged,
    verdict: {
      ...judged.verdict,
      verdict: verdictOf(all),
      rows: all,
      ...(against !== undefined && { baseline: against }),
    },
  }
}

function invalid(suite: string, metric: string, problem: string): VerdictRow {
  return { rule: 'baseline', suite, step: null, metric, status: 'invalid', message: problem }
}

function howToAccept(suite: string, id: string): string {
  return `suite ${suite} has no baseline on this machine: accept ${leastAccepted} runs that passed, best of several hours: vigil baseline accept ${id}`
}
