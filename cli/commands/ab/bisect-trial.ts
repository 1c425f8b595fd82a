import { join } from 'node:path'
import type { Known } from '../../../baselines/duet/index.ts'
import { subjectOf, tellDuet } from '../../../load/duet/index.ts'
import type { Scratch, Template, Tried } from '../../../load/duet/index.ts'
import { environmentHere } from '../../shared/environment.ts'
import { newRunId } from '../../shared/run-id.ts'
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
  known: Known
  good: string
  sha: string
  k6: K6Found
  minutes: number
  index: number
  template: Template | undefined
}

/** On which side of a known change a commit lies. */
export async function tryCommit(
  session: Session,
  options: AbOptions,
  trial: Trial,
  scratch: Scratch,
): Promise<Tried | 'interrupted'> {
  const { world, progress } = session
  const { sha } = trial
  progress.phase(`trying ${sha.slice(0, 9)} ${await subjectOf(gitPlace(session), sha)}`)
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
  const told = await tellDuet(
    request,
    trial.known,
    await duetWorld(session, trial.k6.path, {
      scratch: join(place.folder, 'pair'),
      logs: duetFolder(session, id),
      quiet: options.quiet ?? false,
    }),
  )
  progress.phase(
    `  ${sha.slice(0, 9)} is ${told.state === 'told' ? told.side : told.state === 'open' ? 'as much good as bad: its neighbours will tell' : `not to be tried: ${'reason' in told ? told.reason : told.state}`}`,
  )
  switch (told.state) {
    case 'told':
      return told.side
    case 'open':
      return 'open'
    case 'unbuildable':
    case 'failed':
      return 'unbuildable'
    case 'interrupted':
      return 'interrupted'
  }
}
