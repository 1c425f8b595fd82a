import type { CodedReason, ReasonCode } from '../../../baselines/index.ts'
import { join } from 'node:path'
import { createDatabaseTemplate, createWorktree } from '../../../load/duet/index.ts'
import {
  readRevision,
  resolveBase,
  resolveCommit,
  toRevisionEnvironment,
} from '../../../runtime/processes/index.ts'
import type { CommitResult } from '../../../runtime/processes/index.ts'
import type { PairSource, Scratch, Side, DatabaseTemplate } from '../../../load/duet/index.ts'
import { findTargetUrlProblem } from '../../../journeys/index.ts'
import { toPublicUrl } from '../../../record/index.ts'
import type { Run } from '../../../record/index.ts'
import { configRepository } from '../session.ts'
import { checkTarget } from '../target.ts'
import type { Session } from '../session.ts'
import { trustTargets, UsageError } from '../world.ts'

/** Both sides, which can be started any number of times. */
export interface Sides {
  source: PairSource
  targets: Record<Side, Run['target']>
  /** For people. */
  names: Record<Side, string>
}

export type SidesResult =
  | { state: 'ok'; sides: Sides }
  | ({ state: 'failed'; side: Side | undefined } & CodedReason)

/** Revisions or URLs. A candidate that is `undefined` is the work tree as it is. */
export interface RequestedSides {
  baseline: string
  candidate: string | undefined
  /** Compare with the tip of a base that is a branch, not with its merge base. */
  baseTip?: boolean
}

export function isUrl(text: string): boolean {
  return /^https?:\/\//.test(text)
}

/**
 * Throws usage errors before anything is fetched or started. Returns why the revisions cannot be had here, or
 * undefined.
 */
export async function checkSides(session: Session, requested: RequestedSides): Promise<string | undefined> {
  const { baseline, candidate } = requested
  if (isUrl(baseline)) {
    if (candidate === undefined || !isUrl(candidate))
      throw new UsageError(
        `candidate: found ${candidate === undefined ? 'none' : 'a revision'}, expected a URL because ` +
          'the base is one',
      )
    for (const url of [baseline, candidate]) {
      const problem = findTargetUrlProblem(url)
      if (problem !== undefined) throw new UsageError(`${toPublicUrl(url)}: ${problem}`)
    }
    return undefined
  }
  if (candidate !== undefined && isUrl(candidate))
    throw new UsageError('candidate: found a URL, expected a revision because the base is one (or two URLs)')
  requireCommand(session)
  for (const side of ['candidate', 'baseline'] as const) {
    const commit = await resolveSide(session, requested, side)
    if (commit?.state === 'missing') throw new UsageError(commit.reason)
    if (commit?.state === 'unavailable') return commit.reason
  }
  return undefined
}

/** The commit of a side; undefined: the work tree. */
async function resolveSide(
  session: Session,
  { baseline, candidate, baseTip = false }: RequestedSides,
  side: Side,
): Promise<CommitResult | undefined> {
  const repository = configRepository(session)
  if (side === 'candidate') return candidate === undefined ? undefined : resolveCommit(repository, candidate)
  return resolveBase(repository, baseline, candidate ?? 'HEAD', baseTip)
}

function requireCommand({ loaded }: Session): string[] {
  const { command } = loaded.config.target
  if (command === undefined)
    throw new UsageError(
      `${loaded.file}: target.command: found none, expected the command that starts a revision (or ` +
        'give two URLs)',
    )
  return command
}

/** Two services that are already running, each checked like every other target. */
export async function urlSides(session: Session, baseline: string, candidate: string): Promise<SidesResult> {
  const urls = { baseline, candidate }
  trustTargets(session.loaded, [baseline, candidate])
  for (const side of ['baseline', 'candidate'] as const) {
    const problem = await checkTarget(session, urls[side])
    if (problem !== undefined) return { state: 'failed', side, ...problem }
  }
  const { metrics, profile, env } = session.loaded.config.target
  const token = session.world.env['VIGIL_METRICS_TOKEN'] ?? env?.['METRICS_TOKEN']
  return {
    state: 'ok',
    sides: {
      source: { kind: 'urls', urls, metrics, token, profile },
      targets: { baseline: { url: baseline }, candidate: { url: candidate } },
      names: urls,
    },
  }
}

/**
 * Two revisions of the config's repository, each in its own worktree; the work tree itself if no candidate is
 * named.
 */
export async function revisionSides(
  session: Session,
  requested: RequestedSides,
  scratch: Scratch,
  template?: DatabaseTemplate,
): Promise<SidesResult> {
  const { target } = session.loaded.config
  const command = requireCommand(session)
  // The template takes a second or two of another core, while git checks out.
  const creating =
    template !== undefined || target.database === undefined
      ? undefined
      : createDatabaseTemplate(join(scratch.folder, 'template'), session.world.interrupted)
  const { baseline, candidate } = await checkOutBoth(session, requested, scratch, creating)
  const failed = (side: Side | undefined, code: ReasonCode, { reason }: { reason: string }): SidesResult => ({
    state: 'failed',
    side,
    code: session.world.interrupted.aborted ? 'interrupted' : code,
    reason,
  })
  if (baseline.state === 'failed') return failed('baseline', 'sides-not-prepared', baseline)
  if (candidate.state === 'failed') return failed('candidate', 'sides-not-prepared', candidate)
  const created = await creating
  if (created?.state === 'failed') return failed(undefined, 'target-not-started', created)
  const launch = (cwd: string) => ({
    url: target.url,
    command,
    ready: target.ready ?? '/',
    metrics: target.metrics,
    profile: target.profile,
    cwd,
    env: toRevisionEnvironment(session.world.env, target.env),
  })
  return {
    state: 'ok',
    sides: {
      source: {
        kind: 'processes',
        launch: { baseline: launch(baseline.folder), candidate: launch(candidate.folder) },
        template: template ?? created?.template,
      },
      targets: {
        baseline: { url: target.url, started: true, ...baseline.revision },
        candidate: { url: target.url, started: true, ...candidate.revision },
      },
      names: { baseline: baseline.name, candidate: candidate.name },
    },
  }
}

/** Settles after `meanwhile`, whatever happens: both use the scratch folder, which is removed then. */
async function checkOutBoth(
  session: Session,
  requested: RequestedSides,
  { folder }: Scratch,
  meanwhile: Promise<unknown> | undefined,
): Promise<Record<Side, Checkout>> {
  try {
    return {
      baseline: await checkOut(session, requested, 'baseline', join(folder, 'baseline')),
      candidate: await checkOut(session, requested, 'candidate', join(folder, 'candidate')),
    }
  } finally {
    await meanwhile
  }
}

type Checkout =
  | { state: 'ok'; folder: string; name: string; revision: Pick<Run['target'], 'revision' | 'dirty'> }
  | { state: 'failed'; reason: string }

async function checkOut(
  session: Session,
  requested: RequestedSides,
  side: Side,
  folder: string,
): Promise<Checkout> {
  const revision = requested[side]
  const repository = configRepository(session)
  if (revision === undefined) {
    const current = await readRevision(repository)
    return {
      state: 'ok',
      folder: repository.folder,
      name:
        current.revision === undefined || current.dirty
          ? 'the work tree'
          : `the work tree (${current.revision.slice(0, 9)})`,
      revision: current,
    }
  }
  const commit = await resolveSide(session, requested, side)
  if (commit === undefined || commit.state === 'missing')
    throw new UsageError(commit?.reason ?? `${side}: found none, expected a revision`)
  if (commit.state === 'unavailable') return { state: 'failed', reason: commit.reason }
  const tip = await resolveCommit(repository, revision)
  const place = tip.state === 'ok' && tip.sha !== commit.sha ? `${revision}, merge base` : revision
  session.progress.phase(`checking out ${place} (${commit.sha.slice(0, 9)})`)
  const { target } = session.loaded.config
  const created = await createWorktree(repository, commit.sha, folder, {
    command: target.prepare,
    env: toRevisionEnvironment(session.world.env, target.env),
    start: [...(target.command ?? []), ...Object.values(target.env ?? {})],
  })
  if (created.state === 'failed') return created
  if (created.worktree.how === 'installed')
    session.progress.phase(`  installed the dependencies of ${revision}: its lock file differs`)
  if (created.worktree.how === 'prepared') session.progress.phase(`  prepared ${revision} by target.prepare`)
  const name = commit.sha.startsWith(revision)
    ? commit.sha.slice(0, 9)
    : `${place} (${commit.sha.slice(0, 9)})`
  return {
    state: 'ok',
    folder: created.worktree.folder,
    name,
    revision: { revision: commit.sha, dirty: false },
  }
}
