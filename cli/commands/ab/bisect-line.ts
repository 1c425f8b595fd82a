import { resolveCommit, runGit } from '../../../load/duet/index.ts'
import type { GitContext } from '../../../load/duet/index.ts'
import { UsageError } from '../../shared/world.ts'

/** What a bisect goes through. */
export interface Line {
  good: string
  /** From the one after good to bad. */
  commits: string[]
}

/** The commits between two revisions, along first parents. */
export async function lineBetween(place: GitContext, goodName: string, badName: string): Promise<Line> {
  const [good, bad] = [await resolveCommit(place, goodName), await resolveCommit(place, badName)]
  if (good.state === 'missing') throw new UsageError(good.reason)
  if (bad.state === 'missing') throw new UsageError(bad.reason)
  const listed = await runGit(place, 'rev-list', '--reverse', '--first-parent', `${good.sha}..${bad.sha}`)
  const commits = listed.state === 'ok' ? listed.output.split('\n').filter((sha) => sha !== '') : []
  const isAncestor = (await runGit(place, 'merge-base', '--is-ancestor', good.sha, bad.sha)).state === 'ok'
  if (commits.length === 0 || !isAncestor)
    throw new UsageError(
      `--bisect: ${badName} does not come after ${goodName}, expected a good revision that is an ancestor of the bad one`,
    )
  return { good: good.sha, commits }
}
