import { chmodSync, existsSync, readFileSync, readlinkSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openScratch, createWorktree } from './worktree.ts'
import { resolveCommit, runGit, readCommitSubject } from '../../../runtime/processes/index.ts'
import type { GitContext } from '../../../runtime/processes/index.ts'
import { createRepository } from '../testing/repository.ts'
import type { Repository } from '../testing/repository.ts'

/*
 * A repository of two commits whose config lies in a folder of it; its dependencies are one package and a
 * link to a workspace of its own.
 */

let top: string
let git: Repository['git']
let write: Repository['write']
let commit: Repository['commit']
let remove: () => void
let place: GitContext

let first: string
let second: string

beforeAll(() => {
  ;({ top, git, write, commit, remove } = createRepository('worktree'))
  place = { folder: join(top, 'service'), env: process.env, signal: new AbortController().signal }
  write('.gitignore', 'node_modules\n')
  write('package.json', '{}')
  write('package-lock.json', '{"version":1}')
  write('own/index.js', 'first')
  write('service/code.js', 'first')
  first = commit('first \u001B[31mred')
  write('own/index.js', 'second')
  write('service/code.js', 'second')
  second = commit('second')
  write('node_modules/package/index.js', 'package')
  write('node_modules/@scope/package/index.js', 'scoped')
  symlinkSync('../own', join(top, 'node_modules/own'))
})
afterAll(() => remove())

async function checkOut(sha: string, name: string) {
  const made = await createWorktree(place, sha, join(top, '.vigil', name))
  if (made.state === 'failed') throw new Error(made.reason)
  return made.worktree
}

describe('a revision', () => {
  it('is found by any of its names, and is missing with a reason otherwise', async () => {
    expect(await resolveCommit(place, 'main~1')).toEqual({ state: 'ok', sha: first })
    expect(await resolveCommit(place, 'nothing')).toMatchObject({
      state: 'missing',
      reason: expect.stringContaining('"nothing" is not a revision in'),
    })
    expect(await resolveCommit(place, '--all')).toMatchObject({ state: 'missing' })
    expect(await resolveCommit({ ...place, folder: tmpdir() }, 'main')).toMatchObject({
      state: 'missing',
      reason: expect.stringContaining('is not in a git repository'),
    })
  })

  it('has a subject without control characters', async () => {
    expect(await readCommitSubject(place, first)).toBe('first [31mred')
  })
})

describe('a worktree', () => {
  it("is the revision, in the config's folder, with linked dependencies and its own workspaces", async () => {
    const worktree = await checkOut(first, 'a')
    expect(worktree).toMatchObject({ folder: join(top, '.vigil/a/service'), how: 'linked' })
    expect(readFileSync(join(worktree.folder, 'code.js'), 'utf8')).toBe('first')
    const modules = join(top, '.vigil/a/node_modules')
    expect(readFileSync(join(modules, 'package/index.js'), 'utf8')).toBe('package')
    expect(readFileSync(join(modules, '@scope/package/index.js'), 'utf8')).toBe('scoped')
    expect(readFileSync(join(modules, 'own/index.js'), 'utf8')).toBe('first')
    expect(readlinkSync(join(modules, 'package'))).toBe(join(top, 'node_modules/package'))
    await worktree.remove()
    expect(existsSync(join(top, '.vigil/a'))).toBe(false)
    expect(git('worktree', 'list').split('\n')).toHaveLength(1)
    expect(readFileSync(join(top, 'node_modules/package/index.js'), 'utf8')).toBe('package')
  })

  it("of a hook leaves the commit's index alone, also that of commit -a", async () => {
    // Git gives a hook the index of the commit in GIT_INDEX_FILE, as a full path where it is a temporary one.
    const module = new URL('worktree.ts', import.meta.url).href
    write(
      'hook.mjs',
      `const { createWorktree } = await import(${JSON.stringify(module)})
       const { folder, signal } = { folder: process.cwd(), signal: new AbortController().signal }
       const to = process.cwd() + '/.vigil/hook'
       const made = await createWorktree({ folder, env: process.env, signal }, ${JSON.stringify(first)}, to)
       console.log(made.state, process.env.GIT_INDEX_FILE)
       if (made.state === 'ok') await made.worktree.remove()`,
    )
    write('.git/hooks/pre-commit', `#!/bin/sh\n"${process.execPath}" hook.mjs > hook.log\n`)
    chmodSync(join(top, '.git/hooks/pre-commit'), 0o755)
    write('service/code.js', 'third')
    write('new.js', 'new')
    git('add', 'new.js')
    git('commit', '-qam', 'third')
    expect(readFileSync(join(top, 'hook.log'), 'utf8')).toMatch(/^ok .*index/)
    expect(git('diff', '--name-only', 'HEAD~1', 'HEAD').split('\n')).toEqual(['new.js', 'service/code.js'])
    expect(git('show', 'HEAD:own/index.js')).toBe('second')
    expect(git('status', '--porcelain', '--untracked-files=no')).toBe('')
    git('reset', '-q', '--hard', second)
    rmSync(join(top, '.git/hooks/pre-commit'))
  })

  it('leaves nothing behind when its dependencies cannot be installed', async () => {
    write('package-lock.json', 'not a lock file')
    const broken = commit('broken')
    write('package-lock.json', '{"version":1}')
    const made = await createWorktree(place, broken, join(top, '.vigil/b'))
    expect(made).toMatchObject({ state: 'failed', reason: expect.stringContaining('npm ci failed') })
    expect(existsSync(join(top, '.vigil/b'))).toBe(false)
    expect(git('worktree', 'list').split('\n')).toHaveLength(1)
    git('reset', '-q', '--hard', second)
  })
})

it('files of a killed duet are removed by the next one, and files of a running one are not', async () => {
  const out = join(top, '.vigil')
  // No process has this pid: those of Linux end at 2^22.
  const killed = await openScratch(out, 'killed', 2 ** 30)
  await createWorktree(place, first, join(killed.folder, 'baseline'))
  const running = await openScratch(out, 'running', process.ppid)
  expect(existsSync(killed.folder)).toBe(false)
  const third = await openScratch(out, 'third', process.pid)
  expect(existsSync(running.folder)).toBe(true)
  await Promise.all([running.remove(), third.remove()])
  await runGit(place, 'worktree', 'prune')
  expect(git('worktree', 'list').split('\n')).toHaveLength(1)
})
