import { readdir, realpath, stat, symlink } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { runGit } from '../../../runtime/processes/index.ts'
import { readText as readTextFile } from '../../../record/store/index.ts'
import type { ModulesResult, WorktreePlace } from './modules.ts'

/** What names the packages of a virtual environment of Python. */
const lists =
  /(?:^|\/)(?:requirements[^/]*\.txt|pyproject\.toml|poetry\.lock|uv\.lock|Pipfile\.lock|pdm\.lock)$/

/**
 * Gives a worktree the virtual environments of Python that the start of the service names, such as `.venv` of
 * `['.venv/bin/gunicorn', …]`: git does not have them. They are linked, as long as both revisions list the
 * same packages; otherwise both sides would run the packages of one.
 *
 * @param start the service's command and the values of its environment
 */
export async function provideVirtualEnvironments(
  place: WorktreePlace,
  start: readonly string[],
): Promise<ModulesResult> {
  const { worktree, checkout, service } = place
  const named = start.flatMap(
    (text) => /^(?:\.\/)?((?:\.\.\/)*[\w./-]+?)\/(?:bin|Scripts)\//.exec(text)?.[1] ?? [],
  )
  for (const name of new Set(named)) {
    const folder = join(checkout, service, name)
    const target = join(worktree, service, name)
    if ((await exists(target)) || !(await exists(join(folder, 'pyvenv.cfg')))) continue
    const problem = (await findOtherList(place)) ?? (await findEditable(folder, checkout))
    if (problem !== undefined)
      return {
        state: 'failed',
        reason:
          `${name} of the checkout cannot be used for this revision: ${problem}; set target.prepare to ` +
          "what creates it, for example ['sh', '-c', 'python3 -m venv .venv && .venv/bin/pip install -r " +
          "requirements.txt']",
      }
    await symlink(folder, target)
  }
  return { state: 'ok', how: named.length > 0 ? 'linked' : 'none' }
}

/** The first list of packages that differs; undefined when both have the same. */
async function findOtherList({
  worktree,
  checkout,
  env,
  signal,
}: WorktreePlace): Promise<string | undefined> {
  const listed = await runGit({ folder: worktree, env, signal }, 'ls-files', '-z')
  const files = (listed.state === 'ok' ? listed.output : '').split('\0').filter((path) => lists.test(path))
  for (const path of files)
    if ((await readText(join(worktree, path))) !== (await readText(join(checkout, path))))
      return `its ${path} is another`
  return undefined
}

/** An editable installation is a link to the checkout's own code, which both sides would run. */
async function findEditable(folder: string, checkout: string): Promise<string | undefined> {
  const top = await realpath(checkout)
  const files = await readdir(folder, { recursive: true }).catch((): string[] => [])
  for (const file of files.filter((path) => /site-packages\/[^/]+\.(?:pth|egg-link)$/.test(path))) {
    const text = (await readText(join(folder, file))) ?? ''
    const own = text
      .split('\n')
      .find((line) => line.startsWith('/') && !relative(top, line.trim()).startsWith('..'))
    if (own !== undefined || /__editable__/.test(file))
      return `the project itself is installed in it in editable mode (${file})`
  }
  return undefined
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}

async function readText(file: string): Promise<string | undefined> {
  return readTextFile(file).catch(() => undefined)
}
