import { rm } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { git } from './git.ts'
import type { GitPlace } from './git.ts'
import { provideModules } from './modules.ts'

/** A revision checked out on its own, with its dependencies. */
export interface Worktree {
  /** The same folder in it as the one that was asked from: where the config lies. */
  folder: string
  how: 'linked' | 'installed' | 'none'
  remove: () => Promise<void>
}

export type MadeWorktree = { state: 'made'; worktree: Worktree } | { state: 'failed'; reason: string }

/** Checks out a commit into a folder that does not exist yet. What goes wrong leaves nothing behind. */
export async function makeWorktree(place: GitPlace, sha: string, folder: string): Promise<MadeWorktree> {
  const top = await git(place, 'rev-parse', '--show-toplevel')
  if (top.state === 'failed') return { state: 'failed', reason: top.reason }
  const checkout = top.output
  const added = await git(place, 'worktree', 'add', '--detach', '--force', folder, sha)
  if (added.state === 'failed')
    return { state: 'failed', reason: `${sha.slice(0, 12)} could not be checked out: ${added.reason}` }
  const remove = async (): Promise<void> => removeWorktree(place, folder)
  const modules = await provideModules(folder, checkout, place)
  if (modules.state === 'failed') {
    await remove()
    return { state: 'failed', reason: `${sha.slice(0, 12)}: ${modules.reason}` }
  }
  return {
    state: 'made',
    worktree: { folder: join(folder, relative(checkout, place.folder)), how: modules.how, remove },
  }
}

/** Also when we were interrupted: nothing shall stay. */
async function removeWorktree(place: GitPlace, folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true })
  await git({ ...place, signal: new AbortController().signal }, 'worktree', 'prune')
}
