import { mkdir, readFile, readdir, readlink, stat, symlink } from 'node:fs/promises'
import { join, relative, resolve } from 'node:path'
import { runProgram } from '../../../runtime/processes/index.ts'
import type { GitContext } from './git.ts'

export type ModulesResult =
  | { state: 'ok'; how: 'linked' | 'installed' | 'none' }
  | { state: 'failed'; reason: string }

const installLimitMs = 10 * 60_000

/**
 * Gives a worktree its dependencies: the checkout's own where both lock files are the same, which takes no
 * time, else by `npm ci`. A folder without a package.json needs none.
 */
export async function installModules(
  worktree: string,
  checkout: string,
  { env, signal }: Pick<GitContext, 'env' | 'signal'>,
): Promise<ModulesResult> {
  if ((await textOf(join(worktree, 'package.json'))) === undefined) return { state: 'ok', how: 'none' }
  const [theirs, ours] = await Promise.all([
    textOf(join(worktree, 'package-lock.json')),
    textOf(join(checkout, 'package-lock.json')),
  ])
  const have = await stat(join(checkout, 'node_modules')).then(
    (found) => found.isDirectory(),
    () => false,
  )
  if (theirs === ours && have) {
    await linkModules(join(checkout, 'node_modules'), join(worktree, 'node_modules'))
    return { state: 'ok', how: 'linked' }
  }
  if (theirs === undefined) return { state: 'ok', how: 'none' }
  const ran = await runProgram('npm', ['ci', '--no-audit', '--no-fund'], {
    env,
    signal,
    timeoutMs: installLimitMs,
    cwd: worktree,
  })
  return ran.state === 'ok'
    ? { state: 'ok', how: 'installed' }
    : { state: 'failed', reason: `npm ci failed: ${ran.reason}` }
}

/**
 * A folder of links, one for each package. Not one link for all: a workspace's package is a link from
 * `node_modules` back into the tree it was installed in, and a worktree must find its own code there, not the
 * checkout's.
 */
async function linkModules(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true })
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const [source, place] = [join(from, entry.name), join(to, entry.name)]
    if (entry.name.startsWith('@') && entry.isDirectory()) await linkModules(source, place)
    else await symlink(entry.isSymbolicLink() ? await targetOf(source, from) : source, place)
  }
}

/** Out of `node_modules`: the same way relative to the worktree. Within it: as it is. */
async function targetOf(link: string, from: string): Promise<string> {
  const target = await readlink(link)
  const leaves = relative(from, resolve(from, target)).startsWith('..')
  return leaves ? target : resolve(from, target)
}

async function textOf(file: string): Promise<string | undefined> {
  return readFile(file, 'utf8').catch(() => undefined)
}
