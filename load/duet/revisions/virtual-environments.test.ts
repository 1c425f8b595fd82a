import { existsSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createRepository } from '../testing/repository.ts'
import type { Repository } from '../testing/repository.ts'
import { createWorktree } from './worktree.ts'

/* A service of Python in a folder of a repository, whose virtual environment git does not have. */
let repository: Repository
let [first, second] = ['', '']

beforeAll(() => {
  repository = createRepository('venv')
  const { write, commit } = repository
  write('.gitignore', '.venv\n.vigil\n')
  write('service/requirements.txt', 'flask==1\n')
  first = commit('first')
  write('service/app.py', '')
  second = commit('second')
  write('service/.venv/pyvenv.cfg', 'home = /usr/bin\n')
  write('service/.venv/bin/python', '')
})
afterAll(() => repository.remove())

async function checkOut(sha: string, name: string, program = '.venv/bin/python') {
  const context = {
    folder: join(repository.top, 'service'),
    env: process.env,
    signal: new AbortController().signal,
  }
  return createWorktree(context, sha, join(repository.top, '.vigil', name), { start: [program, '-m', 'app'] })
}

describe('a virtual environment that the command names', () => {
  it('is linked into the worktree, in the folder of the service', async () => {
    const made = await checkOut(first, 'a', './.venv/bin/python')
    expect(made).toMatchObject({ state: 'ok', worktree: { how: 'linked' } })
    const link = join(repository.top, '.vigil/a/service/.venv')
    expect(readlinkSync(link)).toBe(join(repository.top, 'service/.venv'))
  })

  it('is left alone when the command does not use it', async () => {
    expect(await checkOut(first, 'b', 'python3')).toMatchObject({ state: 'ok', worktree: { how: 'none' } })
    expect(existsSync(join(repository.top, '.vigil/b/service/.venv'))).toBe(false)
  })

  it('is refused when the revision lists other packages, or it holds the code of the checkout', async () => {
    repository.write('service/requirements.txt', 'flask==2\n')
    expect(await checkOut(second, 'c')).toEqual({
      state: 'failed',
      reason: expect.stringMatching(
        /^[0-9a-f]{12}: \.venv .*its service\/requirements\.txt is another; set target\.prepare/,
      ) as string,
    })
    repository.write('service/requirements.txt', 'flask==1\n')
    const packages = 'service/.venv/lib/python3.13/site-packages'
    repository.write(`${packages}/app.pth`, `${join(repository.top, 'service')}\n`)
    expect(await checkOut(second, 'd')).toMatchObject({
      state: 'failed',
      reason: expect.stringContaining('in editable mode') as string,
    })
  })
})
