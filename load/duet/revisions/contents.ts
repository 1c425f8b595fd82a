import { createHash } from 'node:crypto'
import { copyFile, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { runGit } from '../../../runtime/processes/index.ts'
import type { GitContext } from '../../../runtime/processes/index.ts'
import type { WorktreePlace } from './modules.ts'

/**
 * Gives a worktree what git leaves out of it: submodules, and files of Git LFS, as far as the checkout has
 * them. Without them a revision starts with empty folders, or with pointers for data.
 *
 * @returns what it needs and cannot have; undefined when it has all
 */
export async function completeContents(place: WorktreePlace): Promise<string | undefined> {
  return (await addSubmodules(place.worktree, place.checkout, place)) ?? (await addLargeFiles(place))
}

type Surroundings = Pick<WorktreePlace, 'env' | 'signal'>

const contextOf = (folder: string, { env, signal }: Surroundings): GitContext => ({ folder, env, signal })

async function addSubmodules(
  worktree: string,
  checkout: string,
  place: Surroundings,
): Promise<string | undefined> {
  const listed = await runGit(contextOf(worktree, place), 'ls-files', '--stage', '-z')
  if (listed.state === 'failed') return listed.reason
  const links = [...listed.output.matchAll(/(?:^|\0)160000 ([0-9a-f]+) \d\t([^\0]+)/g)]
  for (const [, sha = '', path = ''] of links) {
    const [from, to] = [join(checkout, path), join(worktree, path)]
    // Without its own .git, a folder belongs to the repository above it.
    if (!(await isThere(join(from, '.git')))) continue
    const problem = await cloneSubmodule(from, to, sha, place)
    if (problem !== undefined)
      return `the submodule ${path} is not here at ${sha.slice(0, 12)} (${problem}): fetch it in ${from}`
    const nested = await addSubmodules(to, from, place)
    if (nested !== undefined) return nested
  }
  return undefined
}

/** A clone that shares the checkout's objects: nothing is fetched, and nothing is written in the checkout. */
async function cloneSubmodule(
  from: string,
  to: string,
  sha: string,
  place: Surroundings,
): Promise<string | undefined> {
  const cloned = await runGit(
    contextOf(from, place),
    'clone',
    '--quiet',
    '--shared',
    '--no-checkout',
    '--',
    from,
    to,
  )
  if (cloned.state === 'failed') return cloned.reason
  const checked = await runGit(contextOf(to, place), 'checkout', '--quiet', '--detach', sha)
  return checked.state === 'failed' ? checked.reason : undefined
}

const pointerStart = 'version https://git-lfs.github.com/spec/v1'
const longestPointer = 1024

/** A pointer that is still in the worktree gets its content: from Git LFS's store, or from the checkout. */
async function addLargeFiles(place: WorktreePlace): Promise<string | undefined> {
  const { worktree, checkout } = place
  const git = contextOf(worktree, place)
  const found = await runGit(git, 'grep', '--cached', '-l', '-z', '-F', '-e', pointerStart)
  // It fails where there is none, which is usual.
  if (found.state === 'failed') return undefined
  const common = await runGit(git, 'rev-parse', '--path-format=absolute', '--git-common-dir')
  const store = common.state === 'ok' ? join(common.output, 'lfs', 'objects') : undefined
  for (const path of found.output.split('\0').filter((name) => name !== '')) {
    const id = await readPointer(join(worktree, path))
    if (id === undefined) continue
    const original = join(checkout, path)
    const isPointerThere = !(await isThere(original)) || (await readPointer(original)) !== undefined
    const kept = store && join(store, id.slice(0, 2), id.slice(2, 4), id)
    if (kept !== undefined && (await isThere(kept))) await copyFile(kept, join(worktree, path))
    else if (isPointerThere) continue
    else if ((await digestOf(original)) === id) await copyFile(original, join(worktree, path))
    else return `${path} is a Git LFS file whose content of this revision is not here: git lfs fetch --all`
  }
  return undefined
}

/** The SHA-256 of the content that a pointer stands for; undefined for any other file. */
async function readPointer(file: string): Promise<string | undefined> {
  const { size } = await stat(file).catch(() => ({ size: Infinity }))
  if (size > longestPointer) return undefined
  const text = await readFile(file, 'utf8').catch(() => '')
  return text.startsWith(pointerStart) ? /^oid sha256:([0-9a-f]{64})$/m.exec(text)?.[1] : undefined
}

async function digestOf(file: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(file))
    .digest('hex')
}

async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}
