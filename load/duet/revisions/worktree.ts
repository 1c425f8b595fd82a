import { realpath, rm } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { runGit } from '../../../runtime/processes/index.ts'
import type { GitContext } from '../../../runtime/processes/index.ts'
import { completeContents } from './contents.ts'
import { provideModules, runPrepare } from './modules.ts'
import type { ModulesSource } from './modules.ts'

/** A revision in a checkout of its own, with its dependencies. */
export interface Worktree {
  /** The folder in it that corresponds to the context's folder: where the config is. */
  folder: string
  /** How it got its dependencies. */
  how: ModulesSource
  remove: () => Promise<void>
}

export type WorktreeResult = { state: 'ok'; worktree: Worktree } | { state: 'failed'; reason: string }

export interface Preparation {
  /** The config's `target.prepare`; undefined: the package manager of each lock file. */
  command?: readonly string[] | undefined
  /** The environment of the revision's own scripts; default: the context's. */
  env?: NodeJS.ProcessEnv
}

/**
 * Checks out a commit into a folder that does not exist yet, with its submodules, large files and
 * dependencies. A failure leaves nothing behind.
 */
export async function createWorktree(
  context: GitContext,
  sha: string,
  folder: string,
  { command, env = context.env }: Preparation = {},
): Promise<WorktreeResult> {
  const top = await runGit(context, 'rev-parse', '--show-toplevel')
  if (top.state === 'failed') return top
  const checkout = top.output
  const added = await runGit(context, 'worktree', 'add', '--detach', '--force', folder, sha)
  if (added.state === 'failed')
    return { state: 'failed', reason: `${sha.slice(0, 12)} could not be checked out: ${added.reason}` }
  const remove = async (): Promise<void> => removeWorktree(context, folder)
  const service = relative(checkout, await realpath(context.folder))
  const place = { worktree: folder, checkout, service, env, signal: context.signal }
  const missing = await completeContents({ ...place, env: context.env })
  const modules =
    missing !== undefined
      ? { state: 'failed' as const, reason: missing }
      : await (command === undefined ? provideModules(place) : runPrepare(command, place))
  if (modules.state === 'failed') {
    await remove()
    return { state: 'failed', reason: `${sha.slice(0, 12)}: ${modules.reason}` }
  }
  return { state: 'ok', worktree: { folder: join(folder, service), how: modules.how, remove } }
}

/** Works after an interrupt too: nothing may be left behind. */
async function removeWorktree(context: GitContext, folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true })
  await runGit({ ...context, signal: new AbortController().signal }, 'worktree', 'prune')
}
