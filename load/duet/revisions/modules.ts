import { mkdir, readdir, readlink, stat, symlink } from 'node:fs/promises'
import { dirname, join, relative, resolve } from 'node:path'
import { runGit, runProgram } from '../../../runtime/processes/index.ts'
import { readText as readTextFile } from '../../../record/store/index.ts'

/** A worktree and the checkout that it was made from, both as their top folders. */
export interface WorktreePlace {
  worktree: string
  checkout: string
  /** The folder of the config in both, relative to their tops. */
  service: string
  /** The environment of install scripts, which are the revision's own. */
  env: NodeJS.ProcessEnv
  signal: AbortSignal
}

/** How a worktree got its dependencies. */
export type ModulesSource = 'linked' | 'installed' | 'prepared' | 'none'

export type ModulesResult = { state: 'ok'; how: ModulesSource } | { state: 'failed'; reason: string }

/** A package manager: its lock files, and the command that installs exactly what they say. */
interface Manager {
  name: string
  locks: readonly string[]
  install: readonly string[]
}

const npm = { name: 'npm', locks: ['package-lock.json', 'npm-shrinkwrap.json'] }
const managers: readonly Manager[] = [
  { name: 'pnpm', locks: ['pnpm-lock.yaml'], install: ['pnpm', 'install', '--frozen-lockfile'] },
  { name: 'yarn', locks: ['yarn.lock'], install: ['yarn', 'install', '--frozen-lockfile'] },
  { name: 'bun', locks: ['bun.lock', 'bun.lockb'], install: ['bun', 'install', '--frozen-lockfile'] },
  { ...npm, install: ['npm', 'ci', '--no-audit', '--no-fund'] },
]
const lockNames = managers.flatMap(({ locks }) => locks)

const installTimeoutMs = 10 * 60_000

/** Runs the config's own command for the dependencies and builds of a revision. */
export async function runPrepare(
  [program = '', ...args]: readonly string[],
  { worktree, service, env, signal }: WorktreePlace,
): Promise<ModulesResult> {
  const cwd = join(worktree, service)
  const ran = await runProgram(program, args, { env, signal, timeoutMs: installTimeoutMs, cwd })
  return ran.state === 'ok'
    ? { state: 'ok', how: 'prepared' }
    : { state: 'failed', reason: `target.prepare failed: ${ran.reason}` }
}

/**
 * Gives a worktree the dependencies that its own lock files name. Where the checkout has the same lock file
 * and its modules, they are linked, which takes no time; else the lock file's package manager installs them.
 * Without this, Node would find the checkout's modules, because a worktree lies below it: both sides would
 * run the same dependencies, and an upgrade that is slower would pass.
 */
export async function provideModules(place: WorktreePlace): Promise<ModulesResult> {
  const roots = await findRoots(place)
  const sources = new Set<ModulesSource>()
  for (const root of roots) {
    const provided = await provideRoot(root, place)
    if (provided.state === 'failed') return provided
    sources.add(provided.how)
  }
  const how = (['installed', 'linked'] as const).find((one) => sources.has(one)) ?? 'none'
  return { state: 'ok', how }
}

/** A folder with lock files, and the packages whose dependencies they name; or a package without any. */
interface Root {
  folder: string
  locks: string[]
  packages: string[]
}

/**
 * The roots that the service can use: the config's folder is below them, or the checkout has their modules.
 */
async function findRoots(place: WorktreePlace): Promise<Root[]> {
  const { worktree, checkout, service, signal } = place
  const listed = await runGit({ folder: worktree, env: place.env, signal }, 'ls-files', '-z')
  const files = (listed.state === 'ok' ? listed.output : '')
    .split('\0')
    .filter((path) => !path.split('/').includes('node_modules'))
  const named = (names: readonly string[]): Map<string, string[]> =>
    Map.groupBy(
      files.filter((path) => names.includes(path.slice(path.lastIndexOf('/') + 1))),
      (path) => dirname(path),
    )
  const [locked, packaged] = [named(lockNames), named(['package.json'])]
  const roots = new Map<string, Root>()
  for (const folder of [...packaged.keys()].toSorted()) {
    const at = listAncestors(folder).find((one) => locked.has(one)) ?? folder
    const root = roots.get(at) ?? { folder: at, locks: locked.get(at) ?? [], packages: [] }
    root.packages.push(folder)
    roots.set(at, root)
  }
  const above = new Set(listAncestors(service === '' ? '.' : service))
  const used: Root[] = []
  for (const root of roots.values()) {
    const folders = [root.folder, ...root.packages]
    const isUsed =
      above.has(root.folder) ||
      (await Promise.all(folders.map(async (one) => hasModules(join(checkout, one))))).includes(true)
    if (isUsed) used.push(root)
  }
  return used
}

/** A folder and all above it, nearest first: `a/b`, `a`, `.`. */
function listAncestors(folder: string): string[] {
  const parent = dirname(folder)
  return folder === '.' || parent === folder ? ['.'] : [folder, ...listAncestors(parent)]
}

async function provideRoot(root: Root, place: WorktreePlace): Promise<ModulesResult> {
  const { worktree, checkout } = place
  const isSame =
    root.locks.length > 0 ? await hasSameLocks(root, place) : await hasSameDependencies(root, place)
  const installed = await modulesFolders(root, checkout)
  if (isSame && installed.length > 0) {
    for (const folder of installed)
      await linkModules(join(checkout, folder, 'node_modules'), join(worktree, folder, 'node_modules'))
    return { state: 'ok', how: 'linked' }
  }
  if (root.locks.length > 0) return install(root, place)
  const needsModules = !isSame && Object.keys(await readDependencies(join(worktree, root.folder))).length > 0
  return needsModules
    ? {
        state: 'failed',
        reason:
          `${join(root.folder, 'package.json')} has other dependencies than the checkout and no lock file: ` +
          "set target.prepare to the command that installs them, for example ['npm', 'install']",
      }
    : { state: 'ok', how: 'none' }
}

/** The checkout's files as they are now: its modules were installed by them. */
async function hasSameLocks({ locks }: Root, { worktree, checkout }: WorktreePlace): Promise<boolean> {
  const same = await Promise.all(
    locks.map(
      async (lock) => (await readText(join(worktree, lock))) === (await readText(join(checkout, lock))),
    ),
  )
  return same.every(Boolean)
}

async function hasSameDependencies(
  { folder }: Root,
  { worktree, checkout }: WorktreePlace,
): Promise<boolean> {
  const [wanted, found] = [
    await readDependencies(join(worktree, folder)),
    await readDependencies(join(checkout, folder)),
  ]
  const names = Object.keys({ ...wanted, ...found })
  return names.every((name) => wanted[name] === found[name])
}

const dependencyFields = ['dependencies', 'devDependencies', 'optionalDependencies', 'peerDependencies']

async function readDependencies(folder: string): Promise<Record<string, unknown>> {
  const manifest = await readManifest(folder)
  const found: Record<string, unknown> = {}
  for (const field of dependencyFields) {
    const named: unknown = manifest[field]
    if (typeof named === 'object' && named !== null)
      for (const [name, version] of Object.entries(named)) found[`${field} ${name}`] = version
  }
  return found
}

async function readManifest(folder: string): Promise<Record<string, unknown>> {
  try {
    const manifest: unknown = JSON.parse((await readText(join(folder, 'package.json'))) ?? '{}')
    return typeof manifest === 'object' && manifest !== null ? { ...manifest } : {}
  } catch {
    return {}
  }
}

async function install(root: Root, place: WorktreePlace): Promise<ModulesResult> {
  const cwd = join(place.worktree, root.folder)
  const manager = await chooseManager(root, cwd)
  const [program = '', ...args] = await installCommand(manager, root, cwd)
  const { env, signal } = place
  const ran = await runProgram(program, args, { env, signal, timeoutMs: installTimeoutMs, cwd })
  return ran.state === 'ok'
    ? { state: 'ok', how: 'installed' }
    : {
        state: 'failed',
        reason:
          `${[program, ...args.filter((arg) => !arg.startsWith('--no-'))].join(' ')} failed: ` +
          `${ran.reason}; install the package manager, or set target.prepare`,
      }
}

/** By `packageManager` in its package.json, else by its lock file. */
async function chooseManager({ locks }: Root, folder: string): Promise<Manager> {
  const { packageManager } = await readManifest(folder)
  const present = managers.filter((manager) =>
    locks.some((lock) => manager.locks.some((name) => lock === name || lock.endsWith(`/${name}`))),
  )
  const named = present.find(
    ({ name }) => typeof packageManager === 'string' && packageManager.startsWith(`${name}@`),
  )
  const [first] = present
  const chosen = named ?? first
  if (chosen === undefined) throw new Error(`${folder}: no lock file of a known package manager`)
  return chosen
}

/** Yarn from version 2 on, whose lock file has metadata, names the option otherwise. */
async function installCommand(manager: Manager, { locks }: Root, folder: string): Promise<readonly string[]> {
  if (manager.name !== 'yarn') return manager.install
  const lock = locks.find((path) => path.endsWith('yarn.lock')) ?? ''
  const text = await readText(join(folder, lock.slice(lock.lastIndexOf('/') + 1)))
  return /^__metadata:/m.test(text ?? '') ? ['yarn', 'install', '--immutable'] : manager.install
}

async function modulesFolders({ folder, packages }: Root, checkout: string): Promise<string[]> {
  const folders = [...new Set([folder, ...packages])]
  const has = await Promise.all(folders.map(async (one) => hasModules(join(checkout, one))))
  return folders.filter((_, index) => has[index])
}

async function hasModules(folder: string): Promise<boolean> {
  return stat(join(folder, 'node_modules')).then(
    (found) => found.isDirectory(),
    () => false,
  )
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

/**
 * A link out of `node_modules` keeps its relative target, which is then in the worktree; one into any
 * `node_modules`, as pnpm makes them, points to the checkout's.
 */
async function resolveLink(link: string, from: string): Promise<string> {
  const target = await readlink(link)
  const path = resolve(dirname(link), target)
  const isPackage = path.split('/').includes('node_modules')
  return isPackage || !relative(from, path).startsWith('..') ? path : target
}

async function readText(file: string): Promise<string | undefined> {
  return readTextFile(file).catch(() => undefined)
}
