import { dirname, join } from 'node:path'
import { resolveCommit, createDatabaseTemplate, createWorktree } from '../../../load/duet/index.ts'
import type { GitContext, PairSource, Scratch, Side, DatabaseTemplate } from '../../../load/duet/index.ts'
import type { Run } from '../../../record/index.ts'
import { revisionOf } from '../../shared/session.ts'
import type { Session } from '../../shared/session.ts'
import { UsageError } from '../../shared/world.ts'

/** Both sides, ready to be started as often as is needed. */
export interface Sides {
  source: PairSource
  targets: Record<Side, Run['target']>
  /** As a person calls them. */
  names: Record<Side, string>
}

export type SidesResult =
  | { state: 'ready'; sides: Sides }
  | { state: 'failed'; side: Side | undefined; reason: string }

/** `undefined` for the candidate: the work tree as it is. */
export interface Asked {
  baseline: string
  candidate: string | undefined
}

export function isUrl(text: string): boolean {
  return /^https?:\/\//.test(text)
}

/** Throws what the user got wrong, before anything is fetched or started. */
export async function checkAsked(session: Session, { baseline, candidate }: Asked): Promise<void> {
  if (isUrl(baseline)) {
    if (candidate === undefined || !isUrl(candidate))
      throw new UsageError(
        `candidate: found ${candidate === undefined ? 'none' : 'a revision'}, expected a URL as the base is one`,
      )
    for (const url of [baseline, candidate]) {
      const parsed = URL.parse(url)
      if (!parsed || parsed.username !== '' || parsed.password !== '')
        throw new UsageError(
          `found ${JSON.stringify(url)}, expected an http:// or https:// URL without a user and password`,
        )
    }
    return
  }
  if (candidate !== undefined && isUrl(candidate))
    throw new UsageError('candidate: found a URL, expected a revision as the base is one (or two URLs)')
  commandOf(session)
  for (const revision of [baseline, ...(candidate === undefined ? [] : [candidate])]) {
    const commit = await resolveCommit(gitPlace(session), revision)
    if (commit.state === 'missing') throw new UsageError(commit.reason)
  }
}

function commandOf({ loaded }: Session): string[] {
  const { command } = loaded.config.target
  if (command === undefined)
    throw new UsageError(
      `${loaded.file}: target.command: found none, expected the command that starts a revision (or give two URLs)`,
    )
  return command
}

/** Two services that run already. */
export function urlSides(session: Session, baseline: string, candidate: string): Sides {
  const { metrics, env } = session.loaded.config.target
  const token = session.world.env['VIGIL_METRICS_TOKEN'] ?? env?.['METRICS_TOKEN']
  return {
    source: { kind: 'urls', urls: { baseline, candidate }, metrics, token },
    targets: { baseline: { url: baseline }, candidate: { url: candidate } },
    names: { baseline, candidate },
  }
}

/** Where this config's repository is. */
export function gitPlace(session: Session): GitContext {
  return { folder: dirname(session.loaded.file), env: session.world.env, signal: session.world.interrupted }
}

/** Two revisions of the config's repository, each in a worktree of its own; the work tree itself where no candidate is named. */
export async function revisionSides(
  session: Session,
  asked: Asked,
  scratch: Scratch,
  template?: DatabaseTemplate,
): Promise<SidesResult> {
  const { target } = session.loaded.config
  const command = commandOf(session)
  const [baseline, candidate] = [
    await placeOf(session, asked.baseline, join(scratch.folder, 'baseline')),
    await placeOf(session, asked.candidate, join(scratch.folder, 'candidate')),
  ]
  if (baseline.state === 'failed') return { ...baseline, side: 'baseline' }
  if (candidate.state === 'failed') return { ...candidate, side: 'candidate' }
  const made =
    template !== undefined || target.database === undefined
      ? undefined
      : await createDatabaseTemplate(join(scratch.folder, 'template'), session.world.interrupted)
  if (made?.state === 'failed') return { ...made, side: undefined }
  const launch = (cwd: string) => ({
    url: target.url,
    command,
    ready: target.ready ?? '/',
    metrics: target.metrics,
    cwd,
    env: { ...session.world.env, ...target.env },
  })
  return {
    state: 'ready',
    sides: {
      source: {
        kind: 'processes',
        launch: { baseline: launch(baseline.folder), candidate: launch(candidate.folder) },
        template: template ?? made?.template,
      },
      targets: {
        baseline: { url: target.url, ...baseline.revision },
        candidate: { url: target.url, ...candidate.revision },
      },
      names: { baseline: baseline.name, candidate: candidate.name },
    },
  }
}

type Placed =
  | { state: 'placed'; folder: string; name: string; revision: Pick<Run['target'], 'revision' | 'dirty'> }
  | { state: 'failed'; reason: string }

async function placeOf(session: Session, revision: string | undefined, folder: string): Promise<Placed> {
  const place = gitPlace(session)
  if (revision === undefined) {
    const here = await revisionOf(place.folder, place.env)
    return {
      state: 'placed',
      folder: place.folder,
      name:
        here.revision === undefined || here.dirty
          ? 'the work tree'
          : `the work tree (${here.revision.slice(0, 9)})`,
      revision: here,
    }
  }
  const commit = await resolveCommit(place, revision)
  if (commit.state === 'missing') throw new UsageError(commit.reason)
  session.progress.phase(`checking out ${revision} (${commit.sha.slice(0, 9)})`)
  const made = await createWorktree(place, commit.sha, folder)
  if (made.state === 'failed') return made
  if (made.worktree.how === 'installed')
    session.progress.phase(`  installed the dependencies of ${revision}: its package-lock.json is another`)
  const name = commit.sha.startsWith(revision)
    ? commit.sha.slice(0, 9)
    : `${revision} (${commit.sha.slice(0, 9)})`
  return {
    state: 'placed',
    folder: made.worktree.folder,
    name,
    revision: { revision: commit.sha, dirty: false },
  }
}
