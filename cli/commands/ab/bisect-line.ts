import { commitOf, git } from '../../../load/duet/index.ts'
import type { GitPlace } from '../../../load/duet/index.ts'
import { Misuse } from '../../shared/world.ts'

/** What a bisect goes through. */
export interface Line {
  good: string
  /** From the one after good to bad. */
  commits: string[]
}

/** The commits between two revisions, along first parents. */
export async function lineBetween(place: GitPlace, goodName: string, badName: string): Promise<Line> {
  const [good, bad] = [await commitOf(place, goodName), await commitOf(place, badName)]
  if (good.state === 'unknown') throw new Misuse(good.reason)
  if (bad.state === 'unknown') throw new Misuse(bad.reason)
  const listed = await git(place, 'rev-list', '--reverse', '--first-parent', `${good.sha}..${bad.sha}`)
  const commits = listed.state === 'ran' ? listed.output.split('\n').filter((sha) => sha !== '') : []
  const isAncestor = (await git(place, 'merge-base', '--is-ancestor', good.sha, bad.sha)).state === 'ran'
  if (commits.length === 0 || !isAncestor)
    throw new Misuse(
      `--bisect: ${badName} does not come after ${goodName}, expected a good revision that is an ancestor of the bad one`,
    )
  return { good: good.sha, commits }
}
