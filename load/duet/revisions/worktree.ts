import { realpath, rm, mkdir, readdir, stat } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { runGit, readHolder, writeHolder } from '../../../runtime/processes/index.ts'
import type { GitContext } from '../../../runtime/processes/index.ts'
import { completeContents } from './contents.ts'
import { provideModules, runPrepare } from './modules.ts'
import type { ModulesResult, ModulesSource, WorktreePlace } from './modules.ts'
import { provideVirtualEnvironments } from './virtual-environments.ts'

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
  /** The service's command and the values of its own environment. */
  start?: readonly string[]
}

/**
 * Checks out a commit into a folder that does not exist yet, with its submodules, large files and
 * dependencies. A failure leaves nothing behind.
 */
export async function createWorktree(
  context: GitContext,
  sha: string,
  folder: string,
  { command, env = context.env, start = [] }: Preparation = {},
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
      : await (command === undefined ? provideAll(place, start) : runPrepare(command, place))
  if (modules.state === 'failed') {
    await remove()
    return { state: 'failed', reason: `${sha.slice(0, 12)}: ${modules.reason}` }
  }
  return { state: 'ok', worktree: { folder: join(folder, service), how: modules.how, remove } }
}

async function provideAll(place: WorktreePlace, start: readonly string[]): Promise<ModulesResult> {
  const environments = await provideVirtualEnvironments(place, start)
  if (environments.state === 'failed') return environments
  const modules = await provideModules(place)
  return modules.state === 'ok' && modules.how === 'none' ? environments : modules
}

/** Works after an interrupt too: nothing may be left behind. */
async function removeWorktree(context: GitContext, folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true })
  await runGit({ ...context, signal: new AbortController().signal }, 'worktree', 'prune')
}

/** A folder for worktrees, data and scripts of one duet. */
export interface Scratch {
  folder: string
  /** Removes the folder with its contents. */
  remove: () => Promise<void>
}

const ownerFile = 'owner'

/**
 * Creates a scratch folder in `<out>/scratch/`, and removes those of duets that were killed: a SIGKILL runs
 * no handler, so the next duet cleans up. (The guardian ends processes immediately.)
 */
export async function openScratch(out: string, id: string, pid: number): Promise<Scratch> {
  const all = join(out, 'scratch')
  await removeStale(all)
  const folder = join(all, id)
  await mkdir(folder, { recursive: true })
  const held = await writeHolder(join(folder, ownerFile), pid)
  return {
    folder,
    remove: async () => {
      await held.release()
      await removeFolder(folder)
    },
  }
}

async function removeStale(all: string): Promise<void> {
  const names = await readdir(all).catch((): string[] => [])
  for (const name of names) {
    const folder = join(all, name)
    const owner = await readHolder(join(folder, ownerFile))
    const isStale =
      owner.state === 'ok' ? !owner.holder.isAlive : owner.state === 'missing' && (await isOld(folder))
    // That of another user, who ran as root, stays.
    if (isStale) await removeFolder(folder).catch(() => undefined)
  }
}

/** Another duet creates its folder first, and names itself in it after that. */
async function isOld(folder: string): Promise<boolean> {
  const { mtimeMs } = await stat(folder).catch(() => ({ mtimeMs: Infinity }))
  return Date.now() - mtimeMs > 60_000
}

async function removeFolder(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true, maxRetries: 3 })
}
