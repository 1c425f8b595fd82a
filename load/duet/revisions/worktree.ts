import { mkdir, readFile, readdir, readlink, rm, stat, symlink } from 'node:fs/promises'
import { join, relative, resolve } from 'node:path'
import { runGit, runProgram } from '../../../runtime/processes/index.ts'
import type { GitContext } from '../../../runtime/processes/index.ts'

/** A revision in a checkout of its own, with its dependencies. */
export interface Worktree {
  /** The folder in it that corresponds to the context's folder: where the config is. */
  folder: string
  /** How it got its dependencies. */
  how: 'linked' | 'installed' | 'none'
  remove: () => Promise<void>
}

export type WorktreeResult = { state: 'ok'; worktree: Worktree } | { state: 'failed'; reason: string }

/** Checks out a commit into a folder that does not exist yet. A failure leaves nothing behind. */
export async function createWorktree(
  context: GitContext,
  sha: string,
  folder: string,
): Promise<WorktreeResult> {
  const top = await runGit(context, 'rev-parse', '--show-toplevel')
  if (top.state === 'failed') return top
  const checkout = top.output
  const added = await runGit(context, 'worktree', 'add', '--detach', '--force', folder, sha)
  if (added.state === 'failed')
    return { state: 'failed', reason: `${sha.slice(0, 12)} could not be checked out: ${added.reason}` }
  const remove = async (): Promise<void> => removeWorktree(context, folder)
  const modules = await provideModules(folder, checkout, context)
  if (modules.state === 'failed') {
    await remove()
    return { state: 'failed', reason: `${sha.slice(0, 12)}: ${modules.reason}` }
  }
  return {
    state: 'ok',
    worktree: { folder: join(folder, relative(checkout, context.folder)), how: modules.how, remove },
  }
}

/** Works after an interrupt too: nothing may be left behind. */
async function removeWorktree(context: GitContext, folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true })
  await runGit({ ...context, signal: new AbortController().signal }, 'worktree', 'prune')
}

type ModulesResult = { state: 'ok'; how: Worktree['how'] } | { state: 'failed'; reason: string }

const installTimeoutMs = 10 * 60_000

/**
 * Gives a worktree its dependencies: links to the checkout's where both lock files are the same, which takes
 * no time, else by `npm ci`. A folder without a package.json needs none.
 */
async function provideModules(
  worktree: string,
  checkout: string,
  { env, signal }: Pick<GitContext, 'env' | 'signal'>,
): Promise<ModulesResult> {
  if ((await readText(join(worktree, 'package.json'))) === undefined) return { state: 'ok', how: 'none' }
  const [wanted, installed] = await Promise.all([
    readText(join(worktree, 'package-lock.json')),
    readText(join(checkout, 'package-lock.json')),
  ])
  const isInstalled = await stat(join(checkout, 'node_modules')).then(
    (found) => found.isDirectory(),
    () => false,
  )
  if (wanted === installed && isInstalled) {
    await linkModules(join(checkout, 'node_modules'), join(worktree, 'node_modules'))
    return { state: 'ok', how: 'linked' }
  }
  if (wanted === undefined) return { state: 'ok', how: 'none' }
  const ran = await runProgram('npm', ['ci', '--no-audit', '--no-fund'], {
    env,
    signal,
    timeoutMs: installTimeoutMs,
    cwd: worktree,
  })
  return ran.state === 'ok'
    ? { state: 'ok', how: 'installed' }
    : { state: 'failed', reason: `npm ci failed: ${ran.reason}` }
}

/**
 * Creates a folder with one link for each package. One link for the entire folder would not do: a workspace's
 * package is a link from `node_modules` back into the tree it was installed in, and a worktree must find its
 * own code there, not the checkout's.
 */
async function linkModules(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true })
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const [source, link] = [join(from, entry.name), join(to, entry.name)]
    if (entry.name.startsWith('@') && entry.isDirectory()) await linkModules(source, link)
    else await symlink(entry.isSymbolicLink() ? await resolveLink(source, from) : source, link)
  }
}

/** A link out of `node_modules` keeps its relative target, which is then in the worktree. */
async function resolveLink(link: string, from: string): Promise<string> {
  const target = await readlink(link)
  const isOutside = relative(from, resolve(from, target)).startsWith('..')
  return isOutside ? target : resolve(from, target)
}

async function readText(file: string): Promise<string | undefined> {
  return readFile(file, 'utf8').catch(() => undefined)
}
