import { createHash } from 'node:crypto'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createWorktree } from './worktree.ts'
import type { Preparation } from './worktree.ts'
import { createRepository } from '../testing/repository.ts'
import type { Repository } from '../testing/repository.ts'

/*
 * A repository whose config is in `service`. Programs named pnpm and yarn stand in for those that this
 * machine need not have: each writes what it was asked for into the modules that it installs.
 */

let top: string
let git: Repository['git']
let write: Repository['write']
let commit: () => string
let remove: () => void
let env: NodeJS.ProcessEnv
beforeEach(() => {
  const repository = createRepository('modules')
  ;({ top, git, write, remove } = repository)
  commit = () => repository.commit('commit')
  env = { PATH: `${join(top, 'programs')}:${process.env['PATH']}`, HOME: top }
  write('.gitignore', 'node_modules\nprograms\n.vigil\n.npm\n')
  write('service/server.js', '')
})
afterEach(() => remove())

function installProgram(name: string): void {
  const script = `#!/bin/sh\nmkdir -p node_modules/dep\necho "$PWD ${name} $*" > node_modules/dep/index.js\n`
  chmodSync(write(`programs/${name}`, script), 0o755)
}

async function checkOut(sha: string, preparation?: Preparation) {
  const context = { folder: join(top, 'service'), env, signal: new AbortController().signal }
  const folder = join(top, '.vigil/side')
  const made = await createWorktree(context, sha, folder, preparation)
  const read = (name: string): string => readFileSync(join(folder, name), 'utf8')
  return { made, read, how: made.state === 'ok' ? made.worktree.how : made.reason }
}

const dependency = JSON.stringify({ dependencies: { dep: '1.0.0' } })

describe('the dependencies of a worktree', () => {
  it.each([
    ['pnpm', 'pnpm-lock.yaml', 'lockfileVersion: 9', 'pnpm install --frozen-lockfile'],
    ['yarn', 'yarn.lock', '# yarn lockfile v1', 'yarn install --frozen-lockfile'],
    ['yarn', 'yarn.lock', '__metadata:\n  version: 8', 'yarn install --immutable'],
    ['bun', 'bun.lock', '{}', 'bun install --frozen-lockfile'],
  ])("are installed by %s where its %s differs, not the checkout's", async (program, lock, text, ran) => {
    installProgram(program)
    write('package.json', dependency)
    write(lock, text)
    const base = commit()
    write(lock, `${text}\n# newer`)
    write('node_modules/dep/index.js', 'newer')
    const { how, read } = await checkOut(base)
    expect(how).toBe('installed')
    expect(read('node_modules/dep/index.js')).toBe(`${join(top, '.vigil/side')} ${ran}\n`)
  })

  it('are linked where the lock file is the same, in workspaces and as pnpm lays them out too', async () => {
    write('package.json', dependency)
    write('pnpm-lock.yaml', 'lockfileVersion: 9')
    write('service/package.json', dependency)
    write('own/package.json', '{"name":"own"}')
    write('own/index.js', 'base')
    const base = commit()
    write('own/index.js', 'newer')
    write('node_modules/.pnpm/dep@1/node_modules/dep/index.js', 'dep 1')
    mkdirSync(join(top, 'service/node_modules'))
    symlinkSync('../../node_modules/.pnpm/dep@1/node_modules/dep', join(top, 'service/node_modules/dep'))
    symlinkSync('../../own', join(top, 'service/node_modules/own'))
    const { how, read } = await checkOut(base)
    expect(how).toBe('linked')
    expect(read('service/node_modules/dep/index.js')).toBe('dep 1')
    expect(read('service/node_modules/own/index.js')).toBe('base')
  })

  it('of a nested package with a lock file of its own are installed next to it, by real npm', async () => {
    const local = (version: string): void => {
      write('service/dep/package.json', JSON.stringify({ name: 'dep', version }))
      const manifest = { name: 'service', dependencies: { dep: 'file:dep' } }
      write('service/package.json', JSON.stringify(manifest))
      const packages = {
        '': manifest,
        dep: { version },
        'node_modules/dep': { resolved: 'dep', link: true },
      }
      write('service/package-lock.json', JSON.stringify({ lockfileVersion: 3, requires: true, packages }))
    }
    local('1.0.0')
    const base = commit()
    local('2.0.0')
    const { how, read } = await checkOut(base)
    expect(how).toBe('installed')
    expect(read('service/node_modules/dep/package.json')).toContain('1.0.0')
  })

  it.each([
    [
      'that no program can install',
      'pnpm-lock.yaml',
      /pnpm install --frozen-lockfile failed: .*not found.*set target\.prepare/,
    ],
    [
      'that no lock file names',
      'unknown.lock',
      /package\.json has other dependencies .* no lock file: set target\.prepare/,
    ],
  ])('%s are refused with the reason', async (_, lock, reason) => {
    write('package.json', dependency)
    write(lock, 'base')
    const base = commit()
    write('package.json', dependency.replace('1.0.0', '2.0.0'))
    write(lock, 'newer')
    write('node_modules/dep/index.js', 'newer')
    env = { ...env, PATH: `${join(top, 'programs')}:/usr/bin:/bin` }
    const { how } = await checkOut(base)
    expect(how).toMatch(reason)
    expect(existsSync(join(top, '.vigil/side'))).toBe(false)
  })

  it('without a lock file are linked where package.json names the same ones', async () => {
    write('package.json', dependency)
    const base = commit()
    write('node_modules/dep/index.js', 'dep 1')
    expect((await checkOut(base)).how).toBe('linked')
  })

  it("are those that target.prepare makes, in the config's folder and with its environment", async () => {
    write('package.json', dependency)
    write('yarn.lock', 'base')
    const base = commit()
    const command = ['sh', '-c', 'echo "$PWD $ONLY" > prepared']
    const { how, read } = await checkOut(base, { command, env: { PATH: env['PATH'], ONLY: 'this' } })
    expect(how).toBe('prepared')
    expect(read('service/prepared')).toBe(`${join(top, '.vigil/side/service')} this\n`)
    git('worktree', 'remove', '--force', '.vigil/side')
    const failing = await checkOut(base, { command: ['sh', '-c', 'echo no such mirror >&2; exit 3'] })
    expect(failing.how).toMatch(/target\.prepare failed: sh ended with code 3: no such mirror/)
  })
})

describe('what git leaves out of a worktree', () => {
  it('submodules, also nested ones, are at the commit of the revision, or named', async () => {
    const library = mkdtempSync(join(tmpdir(), 'vigil-library-'))
    const inLibrary = (...args: string[]): string => git('-C', library, ...args)
    inLibrary('init', '-q', '-b', 'main')
    writeFileSync(join(library, 'code.js'), 'base')
    inLibrary('add', '-A')
    inLibrary('commit', '-qm', 'base')
    git('submodule', '--quiet', 'add', library, 'lib')
    const base = commit()
    writeFileSync(join(library, 'code.js'), 'newer')
    inLibrary('commit', '-qam', 'newer')
    git('-C', join(top, 'lib'), 'pull', '-q')
    const newer = commit()
    const { how, read } = await checkOut(base)
    expect(how).toBe('none')
    expect(read('lib/code.js')).toBe('base')
    expect(git('-C', join(top, 'lib'), 'worktree', 'list').split('\n')).toHaveLength(1)
    git('worktree', 'remove', '--force', '.vigil/side')
    git('update-index', '--cacheinfo', `160000,${'1'.repeat(40)},lib`)
    git('commit', '-qm', 'of a commit that was never fetched')
    const missing = await checkOut(git('rev-parse', 'HEAD'))
    expect(missing.how).toMatch(/the submodule lib is not here at 111111111111 .*: fetch it in/)
    rmSync(library, { recursive: true })
    expect(newer).not.toBe(base)
  })

  it('large files have their content, or are named', async () => {
    const digest = (text: string): string => createHash('sha256').update(text).digest('hex')
    const pointer = (text: string): string =>
      `version https://git-lfs.github.com/spec/v1\noid sha256:${digest(text)}\nsize ${text.length}\n`
    write('data.bin', pointer('base'))
    write('kept.bin', pointer('kept'))
    write('pointer.bin', pointer('nowhere'))
    const base = commit()
    const stored = digest('base')
    write(`.git/lfs/objects/${stored.slice(0, 2)}/${stored.slice(2, 4)}/${stored}`, 'base')
    write('data.bin', 'newer')
    write('kept.bin', 'kept')
    const { how, read } = await checkOut(base)
    expect(how).toBe('none')
    expect([read('data.bin'), read('kept.bin')]).toEqual(['base', 'kept'])
    git('worktree', 'remove', '--force', '.vigil/side')
    write('kept.bin', 'something else')
    expect((await checkOut(base)).how).toMatch(/kept\.bin is a Git LFS file whose content .*git lfs fetch/)
  })
})
