import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

/** An empty git repository for tests. */
export interface Repository {
  top: string
  /** Runs git there. Returns what it printed. */
  git: (...args: string[]) => string
  /** Writes a file, in folders that are made for it. Returns its path. */
  write: (name: string, text: string) => string
  /** Commits everything. Returns the commit. */
  commit: (message: string) => string
  remove: () => void
}

export function createRepository(name: string): Repository {
  const top = realpathSync(mkdtempSync(join(tmpdir(), `vigil-${name}-`)))
  const user = ['-c', 'user.name=t', '-c', 'user.email=t@example.com', '-c', 'protocol.file.allow=always']
  const git = (...args: string[]): string =>
    execFileSync('git', [...user, ...args], { cwd: top, encoding: 'utf8' }).trim()
  git('init', '-q', '-b', 'main')
  return {
    top,
    git,
    write: (file, text) => {
      mkdirSync(dirname(join(top, file)), { recursive: true })
      writeFileSync(join(top, file), text)
      return join(top, file)
    },
    commit: (message) => {
      git('add', '-A')
      git('commit', '-qm', message, '--allow-empty')
      return git('rev-parse', 'HEAD')
    },
    remove: () => rmSync(top, { recursive: true, force: true }),
  }
}
