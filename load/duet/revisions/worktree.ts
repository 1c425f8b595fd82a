import { rm } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { runGit } from './git.ts'
import type { GitContext } from './git.ts'
import { installModules } from './modules.ts'

/** A revision checked out on its own, with its dependencies. */
export interface Worktree {
  /** The same folder in it as the one that was asked from: where the config lies. */
  folder: string
  how: 'linked' | 'installed' | 'none'
  remove: () => Promise<void>
}

export type WorktreeResult = { state: 'ok'; worktree: Worktree } | { state: 'failed'; reason: string }

/** Checks out a commit into a folder that does not exist yet. What goes wrong leaves nothing behind. */
export async function createWorktree(
  place: GitContext,
  sha: string,
  folder: string,
): Promise<WorktreeResult> {
  const top = await runGit(place, 'rev-parse', '--show-toplevel')
  if (top.state === 'failed') return { state: 'failed', reason: top.reason }
  const checkout = top.output
  const added = await runGit(place, 'worktree', 'add', '--detach', '--force', folder, sha)
  if (added.state === 'failed')
    return { state: 'failed', reason: `${sha.slice(0, 12)} could not be checked out: ${added.reason}` }
  const remove = async (): Promise<void> => removeWorktree(place, folder)
  const modules = await installModules(folder, checkout, place)
  if (modules.state === 'failed') {
    await remove()
    return { state: 'failed', reason: `${sha.slice(0, 12)}: ${modules.reason}` }
  }
  return {
    state: 'ok',
    worktree: { folder: join(folder, relative(checkout, place.folder)), how: modules.how, remove },
  }
}

/** Also when we were interrupted: nothing shall stay. */
async function removeWorktree(place: GitContext, folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true })
  await runGit({ ...place, signal: new AbortController().signal }, 'worktree', 'prune')
}
