import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Run } from '../../record/index.ts'

const run = promisify(execFile)

/** The git revision of a folder and whether its files differ from it; nothing where git or a repository is not there. */
export async function revisionOf(
  folder: string,
  env: NodeJS.ProcessEnv,
): Promise<Pick<Run['target'], 'revision' | 'dirty'>> {
  const git = async (...args: string[]): Promise<string> =>
    (await run('git', args, { cwd: folder, env, timeout: 5000, maxBuffer: 16 * 2 ** 20 })).stdout.trim()
  try {
    const [revision, changes] = await Promise.all([
      git('rev-parse', 'HEAD'),
      git('status', '--porcelain', '--untracked-files=no'),
    ])
    return { revision, dirty: changes !== '' }
  } catch {
    return {}
  }
}
