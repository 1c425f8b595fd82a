import { execFileSync } from 'node:child_process'
import { chownSync, mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readRevision, resolveBase, resolveCommit } from './git.ts'
import type { GitContext } from './git.ts'

/*
 * A history in which main went on after the branch `topic` began:
 *
 *   first ── fork ── later   main
 *              └──── change  topic, checked out
 */

let top: string
let repository: string
const commits: Record<string, string> = {}

const env = { PATH: process.env['PATH'], HOME: tmpdir() }
const contextOf = (folder: string, changes: NodeJS.ProcessEnv = {}): GitContext => ({
  folder,
  env: { ...env, ...changes },
  signal: new AbortController().signal,
})

function git(folder: string, ...args: string[]): string {
  const user = ['-c', 'user.name=t', '-c', 'user.email=t@example.com', '-c', 'init.defaultBranch=main']
  return execFileSync('git', [...user, ...args], { cwd: folder, encoding: 'utf8', stdio: 'pipe' }).trim()
}

function commit(name: string): void {
  writeFileSync(join(repository, 'file'), name)
  git(repository, 'add', '-A')
  git(repository, 'commit', '-qm', name)
  commits[name] = git(repository, 'rev-parse', 'HEAD')
}

beforeAll(() => {
  top = realpathSync(mkdtempSync(join(tmpdir(), 'vigil-git-')))
  repository = join(top, 'repository')
  git(top, 'init', '-q', repository)
  commit('first')
  commit('fork')
  git(repository, 'checkout', '-qb', 'topic')
  commit('change')
  git(repository, 'checkout', '-q', 'main')
  commit('later')
  git(repository, 'tag', 'v1')
  git(repository, 'update-ref', 'refs/remotes/origin/main', 'main')
  git(repository, 'checkout', '-q', '--orphan', 'unrelated')
  commit('unrelated')
  git(repository, 'checkout', '-q', 'topic')
})
afterAll(() => rmSync(top, { recursive: true, force: true }))

describe('a base', () => {
  it.each([
    ['main', 'HEAD', 'fork'],
    ['origin/main', 'HEAD', 'fork'],
    ['refs/heads/main', 'topic', 'fork'],
    ['main', 'v1', 'later'],
    ['v1', 'HEAD', 'later'],
    ['main~2', 'HEAD', 'first'],
    ['HEAD', 'main', 'change'],
  ])('%s of %s is %s: of a branch it is the merge base', async (base, candidate, expected) => {
    const sha = commits[expected]
    expect(await resolveBase(contextOf(repository), base, candidate)).toEqual({ state: 'ok', sha })
    const byName = commits[candidate] ?? candidate
    expect(await resolveBase(contextOf(repository), commits['later'] ?? '', byName)).toEqual({
      state: 'ok',
      sha: commits['later'],
    })
  })

  it('that shares no commit with the candidate is unavailable, with the way out', async () => {
    expect(await resolveBase(contextOf(repository), 'unrelated', 'HEAD')).toEqual({
      state: 'unavailable',
      reason: expect.stringMatching(/"unrelated" and the candidate does not exist: .*--base-tip/),
    })
  })
})

describe('a revision that cannot be had', () => {
  it.each(['origin/main', 'topic~1', 'v1'])(
    'in a shallow clone: %s is unavailable, with fetch-depth: 0',
    async (base) => {
      const shallow = mkdtempSync(join(top, 'shallow-'))
      git(top, 'clone', '-q', '--depth', '1', '--branch', 'topic', `file://${repository}`, shallow)
      expect(await resolveBase(contextOf(shallow), base, 'HEAD')).toEqual({
        state: 'unavailable',
        reason: expect.stringContaining('fetch-depth: 0'),
      })
    },
  )

  it.each([
    ['origin/main', false, 'fork'],
    ['origin/main', true, 'later'],
    ['v1', false, 'later'],
  ])('in a shallow clone of CI is fetched: %s (tip: %s)', async (base, isTip, expected) => {
    const shallow = mkdtempSync(join(top, 'shallow-'))
    git(top, 'clone', '-q', '--depth', '1', '--branch', 'topic', `file://${repository}`, shallow)
    const found = await resolveBase(contextOf(shallow, { CI: 'true' }), base, 'HEAD', isTip)
    expect(found).toEqual({ state: 'ok', sha: commits[expected] })
    expect(git(shallow, 'status', '--porcelain')).toBe('')
  })

  it('in a shallow clone of CI is fetched as deep as the branches are old', async () => {
    const deep = join(top, 'deep')
    git(top, 'init', '-q', deep)
    const grow = (name: string, count: number): void => {
      for (let index = 0; index < count; index += 1) git(deep, 'commit', '-qm', name, '--allow-empty')
    }
    grow('old', 2)
    const fork = git(deep, 'rev-parse', 'HEAD')
    git(deep, 'checkout', '-qb', 'topic')
    grow('topic', 60)
    git(deep, 'checkout', '-q', 'main')
    grow('main', 70)
    const shallow = join(top, 'deep-clone')
    git(top, 'clone', '-q', '--depth', '1', '--branch', 'topic', `file://${deep}`, shallow)
    const found = await resolveBase(contextOf(shallow, { CI: 'true' }), 'origin/main', 'HEAD')
    expect(found).toEqual({ state: 'ok', sha: fork })
  })

  it('in a whole clone of one branch is fetched in CI, and the clone stays whole', async () => {
    const single = mkdtempSync(join(top, 'single-'))
    git(top, 'clone', '-q', '--single-branch', '--branch', 'topic', `file://${repository}`, single)
    const found = await resolveBase(contextOf(single, { CI: 'true' }), 'origin/main', 'HEAD')
    expect(found).toEqual({ state: 'ok', sha: commits['fork'] })
    expect(git(single, 'rev-parse', '--is-shallow-repository')).toBe('false')
  })

  it('in CI, from an origin that cannot be reached, is unavailable with fetch-depth: 0', async () => {
    const shallow = mkdtempSync(join(top, 'shallow-'))
    git(top, 'clone', '-q', '--depth', '1', '--branch', 'topic', `file://${repository}`, shallow)
    git(shallow, 'remote', 'set-url', 'origin', `file://${top}/gone`)
    expect(await resolveBase(contextOf(shallow, { CI: 'true' }), 'origin/main', 'HEAD')).toEqual({
      state: 'unavailable',
      reason: expect.stringContaining('fetch-depth: 0'),
    })
  })

  it('in a shallow clone that has both tips and not where they parted', async () => {
    const shallow = mkdtempSync(join(top, 'shallow-'))
    git(top, 'clone', '-q', '--depth', '1', '--no-single-branch', `file://${repository}`, shallow)
    expect(await resolveBase(contextOf(shallow), 'origin/main', 'origin/topic')).toEqual({
      state: 'unavailable',
      reason: expect.stringMatching(/the merge base of "origin\/main" .* fetch-depth: 0/),
    })
  })

  it('with a name that nothing has, or outside a repository, is missing', async () => {
    expect(await resolveCommit(contextOf(repository), 'nothing')).toMatchObject({ state: 'missing' })
    expect(await resolveCommit(contextOf(tmpdir()), 'main')).toEqual({
      state: 'missing',
      reason: expect.stringContaining('is not in a git repository'),
    })
  })

  it('without git, or after an interrupt, is unavailable', async () => {
    expect(await resolveCommit(contextOf(repository, { PATH: top }), 'main')).toEqual({
      state: 'unavailable',
      reason: expect.stringContaining('the program git is missing'),
    })
    const aborted = { ...contextOf(repository), signal: AbortSignal.abort() }
    expect(await resolveCommit(aborted, 'main')).toMatchObject({ state: 'unavailable' })
  })

  // Only root can give a folder away.
  it.runIf(process.getuid?.() === 0)('in a checkout of another user names the ownership', async () => {
    const foreign = mkdtempSync(join(top, 'foreign-'))
    git(top, 'clone', '-q', `file://${repository}`, foreign)
    for (const path of [foreign, ...readdirSync(foreign).map((name) => join(foreign, name))])
      chownSync(path, 65_534, 65_534)
    const found = await resolveCommit(contextOf(foreign, { LANG: 'de_DE.UTF-8' }), 'topic')
    expect(found).toEqual({
      state: 'unavailable',
      reason: expect.stringMatching(/dubious ownership.*safe\.directory/),
    })
    expect(found).toMatchObject({ reason: expect.not.stringContaining('not in a git repository') })
    expect(await readRevision(contextOf(foreign))).toEqual({})
  })
})
