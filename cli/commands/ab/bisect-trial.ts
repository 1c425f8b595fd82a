import { join } from 'node:path'
import type { KnownChange } from '../../../baselines/duet/index.ts'
import { readCommitSubject, classifyCommit } from '../../../load/duet/index.ts'
import type {
  CommitClassification,
  CommitOutcome,
  DatabaseTemplate,
  Scratch,
} from '../../../load/duet/index.ts'
import { environmentHere, newRunId } from '../../shared/session.ts'
import type { Session } from '../../shared/session.ts'
import { duetFolder } from './duet.ts'
import type { K6Found } from './duet.ts'
import { gitPlace, revisionSides } from './sides.ts'
import type { AbOptions, abRules, abSuites } from './options.ts'
import { duetWorld } from './world.ts'

/** One commit to be tried against the good one. */
export interface Trial {
  suite: ReturnType<typeof abSuites>[number]
  rules: ReturnType<typeof abRules>
  known: KnownChange
  good: string
  sha: string
  k6: K6Found
  minutes: number
  index: number
  template: DatabaseTemplate | undefined
}

/** On which side of a known change a commit lies. */
export async function tryCommit(
  session: Session,
  options: AbOptions,
  trial: Trial,
  scratch: Scratch,
): Promise<CommitOutcome | 'interrupted'> {
  const { world, progress } = session
  const { sha } = trial
  progress.phase(`trying ${sha.slice(0, 9)} ${await readCommitSubject(gitPlace(session), sha)}`)
  const place = { ...scratch, folder: join(scratch.folder, `commit-${trial.index}`) }
  const made = await revisionSides(session, { baseline: trial.good, candidate: sha }, place, trial.template)
  if (made.state === 'failed') return world.interrupted.aborted ? 'interrupted' : 'unbuildable'
  const id = newRunId(session, 'bisect')
  const request = {
    run: id,
    source: made.sides.source,
    suite: trial.suite,
    targets: made.sides.targets,
    environment: environmentHere(trial.k6.label),
    rules: trial.rules,
    pairs: 24,
    deadlineMs: performance.now() + trial.minutes * 60_000,
  }
  const classified = await classifyCommit(
    request,
    trial.known,
    await duetWorld(session, trial.k6.path, {
      scratch: join(place.folder, 'pair'),
      logs: duetFolder(session, id),
      quiet: options.quiet ?? false,
    }),
  )
  progress.phase(`  ${sha.slice(0, 9)} ${describeClassification(classified)}`)
  if (classified.state === 'interrupted') return 'interrupted'
  return classified.state === 'failed' ? 'unbuildable' : classified.outcome
}

function describeClassification(classified: CommitClassification): string {
  if (classified.state === 'interrupted') return 'is not classified: interrupted'
  if (classified.state === 'failed' || classified.outcome === 'unbuildable')
    return `cannot be classified: ${classified.reason}`
  return classified.outcome === 'open'
    ? 'is neither clearly good nor clearly bad; trying its neighbours'
    : `is ${classified.outcome}`
}
