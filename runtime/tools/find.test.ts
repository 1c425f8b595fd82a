import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { catalogue } from './catalogue.ts'
import { findTool } from './find.ts'
import type { ToolContext } from './catalogue.ts'
import { temporaryFolder } from '../testing/temporary-folder.ts'

const base = temporaryFolder('tools')

let folder: string
let path: string
let messages: string[]
beforeEach(() => {
  const place = mkdtempSync(join(base, 'case-'))
  folder = join(place, 'kept')
  path = join(place, 'bin')
  mkdirSync(path)
  messages = []
})

/** A shell script that says it is k6. */
function fakeK6(place: string, version = '9.9.9'): string {
  writeFileSync(place, `#!/bin/sh\necho "k6 v${version} (commit/abc, go1.26)"\n`)
  chmodSync(place, 0o755)
  return place
}

// Shells, tar and coreutils, but none of the tools looked for, no Go and no apt.
const bare = mkdtempSync(join(base, 'bare-'))
for (const program of ['sh', 'tar', 'gzip', 'sleep'])
  execFileSync('ln', [
    '-s',
    execFileSync('which', [program], { encoding: 'utf8' }).trim(),
    join(bare, program),
  ])

function surroundings(env: NodeJS.ProcessEnv = {}): ToolContext {
  return {
    env: { PATH: `${path}:${bare}`, VIGIL_TOOLS_DIR: folder, ...env },
    progress: (text) => messages.push(text),
    signal: new AbortController().signal,
  }
}

describe('k6 is looked for', () => {
  it('first where its variable says', async () => {
    fakeK6(join(path, 'k6'), '1.0.0')
    const named = fakeK6(join(path, 'other'), '2.0.0')
    expect(await findTool('k6', surroundings({ VIGIL_K6: named }))).toEqual({
      state: 'ok',
      name: 'k6',
      path: named,
      version: '2.0.0',
      origin: 'variable',
    })
  })

  it.each([
    ['/no/such/k6', 'VIGIL_K6 names /no/such/k6, which is not a program'],
    ['/bin/false', 'which does not print the version of k6'],
    ['k6', 'is not an absolute path'],
  ])('and nowhere else when the variable is wrong: %s', async (named, reason) => {
    fakeK6(join(path, 'k6'))
    const found = await findTool('k6', surroundings({ VIGIL_K6: named }))
    expect(found).toMatchObject({
      state: 'missing',
      whatToDo: 'correct VIGIL_K6, or unset it',
      variable: 'VIGIL_K6',
    })
    if (found.state === 'missing') expect(found.reason).toContain(reason)
  })

  it('then on the PATH, passing over what only has its name', async () => {
    const first = join(path, 'first')
    mkdirSync(first)
    writeFileSync(join(first, 'k6'), '#!/bin/sh\necho "a dummy"\n')
    chmodSync(join(first, 'k6'), 0o755)
    fakeK6(join(path, 'k6'))
    expect(await findTool('k6', surroundings({ PATH: `${first}:${path}:${bare}` }))).toMatchObject({
      state: 'ok',
      path: join(path, 'k6'),
      origin: 'path',
    })
  })

  it.each(['HOME', 'XDG_CONFIG_HOME', 'ASDF_DATA_DIR', 'MISE_CONFIG_DIR'])(
    'where a version manager reads the version below %s, without the secrets that it may have',
    async (name) => {
      const home = mkdtempSync(join(base, 'home-'))
      writeFileSync(join(home, '.tool-versions'), 'k6 1.2.3\n')
      writeFileSync(
        join(path, 'k6'),
        `#!/bin/sh\n[ -z "$MISE_GITHUB_TOKEN$CI_SECRET" ] || exit 1\n` +
          `read -r name version < "$${name}/.tool-versions" || exit 1\necho "k6 v$version (commit/abc)"\n`,
      )
      chmodSync(join(path, 'k6'), 0o755)
      const env = { [name]: home, MISE_GITHUB_TOKEN: 'a', CI_SECRET: 'b' }
      const found = await findTool('k6', surroundings(env))
      expect(found).toMatchObject({ state: 'ok', version: '1.2.3', origin: 'path' })
    },
  )

  it('and not with a version that only holds in the current folder', async () => {
    writeFileSync(join(path, 'k6'), '#!/bin/sh\n[ "$PWD" = / ] || echo "k6 v1.2.3"\n')
    chmodSync(join(path, 'k6'), 0o755)
    expect(await findTool('k6', surroundings())).toMatchObject({ state: 'missing' })
    expect(messages.join('\n')).toContain(`${join(path, 'k6')}, which does not print the version of k6`)
  })

  it('then among those kept', async () => {
    const place = join(folder, `k6-${catalogue.k6.release.version}`)
    mkdirSync(place, { recursive: true })
    fakeK6(join(place, 'k6'))
    expect(await findTool('k6', surroundings())).toMatchObject({ state: 'ok', origin: 'kept' })
  })

  it('and without a home on the PATH only; what is not there names VIGIL_TOOLS_DIR', async () => {
    const homeless = { VIGIL_TOOLS_DIR: undefined }
    expect(await findTool('k6', surroundings(homeless))).toMatchObject({
      state: 'missing',
      reason: expect.stringContaining('HOME is not set'),
      whatToDo: expect.stringMatching(/^set VIGIL_TOOLS_DIR to .*, or install k6/),
    })
    fakeK6(join(path, 'k6'))
    expect(await findTool('k6', surroundings(homeless))).toMatchObject({ state: 'ok', origin: 'path' })
  })

  it('and when it cannot be had, a person is messages what to do', async () => {
    const found = await findTool('k6', surroundings())
    expect(found).toMatchObject({ state: 'missing', reason: 'k6 is not on this machine' })
    if (found.state === 'missing') expect(found.whatToDo).toContain('VIGIL_K6')
  })
})

describe('a download', () => {
  const { release } = catalogue.k6
  const goArch = process.arch === 'x64' ? 'amd64' : process.arch
  const goOs = process.platform === 'darwin' ? 'macos' : process.platform
  const member = release.member(goOs, goArch)
  const built = mkdtempSync(join(base, 'archive-'))
  mkdirSync(join(built, member, '..'), { recursive: true })
  fakeK6(join(built, member), '3.2.1')
  execFileSync('tar', ['-czf', 'archive.tar.gz', member], { cwd: built })
  const archive = readFileSync(join(built, 'archive.tar.gz'))
  const sha256 = createHash('sha256').update(archive).digest('hex')

  let server: Server | undefined
  afterEach(async () => {
    server?.closeAllConnections()
    await new Promise((resolve) => (server ? server.close(resolve) : resolve(undefined)))
    server = undefined
  })

  async function serve(answer: (response: ServerResponse, url: string) => void): Promise<NodeJS.ProcessEnv> {
    const listening = createServer((request, response) => answer(response, request.url ?? ''))
    server = listening
    await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve))
    return {
      VIGIL_TOOLS_URL: `http://127.0.0.1:${(listening.address() as AddressInfo).port}/mirror/`,
      VIGIL_K6_SHA256: sha256,
    }
  }

  it('is checked, unpacked and kept', async () => {
    const asked: string[] = []
    const env = await serve((response, url) => {
      asked.push(url)
      response.end(archive)
    })
    expect(await findTool('k6', surroundings(env))).toMatchObject({
      state: 'ok',
      version: '3.2.1',
      origin: 'download',
    })
    expect(asked).toEqual([`/mirror/${release.path(goOs, goArch)}`])
    expect(await findTool('k6', surroundings())).toMatchObject({
      state: 'ok',
      version: '3.2.1',
      origin: 'kept',
    })
    expect(messages.join('\n')).toContain('downloading http://127.0.0.1')
  })

  it('by two at the same time gives both a whole one', async () => {
    const env = await serve((response) => response.end(archive))
    const both = await Promise.all([findTool('k6', surroundings(env)), findTool('k6', surroundings(env))])
    expect(both.map((found) => found.state)).toEqual(['ok', 'ok'])
    expect(readdirSync(folder)).toEqual([`k6-${release.version}`])
  })

  it.each<[string, (response: ServerResponse) => void, string]>([
    [
      'of other bytes',
      (response) => response.end(Buffer.concat([archive, Buffer.from('x')])),
      'it was discarded',
    ],
    [
      'cut off',
      (response) => {
        response.setHeader('content-length', archive.length)
        response.write(archive.subarray(0, 50))
        setImmediate(() => response.destroy())
      },
      'could not be fetched (download: http',
    ],
    [
      'that is not there',
      (response) => {
        response.statusCode = 404
        response.end()
      },
      'answered 404',
    ],
  ])('%s is refused, and nothing is kept', async (_, answer, reason) => {
    const found = await findTool('k6', surroundings(await serve(answer)))
    expect(found.state).toBe('missing')
    if (found.state === 'missing') expect(found.reason).toContain(reason)
    expect(readdirSync(folder)).toEqual([])
  })

  it('without a known hash is not even asked for', async () => {
    let asked = 0
    const { VIGIL_TOOLS_URL } = await serve((response) => {
      asked += 1
      response.end(archive)
    })
    expect((await findTool('k6', surroundings({ VIGIL_TOOLS_URL }))).state).toBe('missing')
    expect(asked).toBe(0)
  })

  it('that hangs ends when interrupted', async () => {
    const interruption = new AbortController()
    const env = await serve(() => interruption.abort())
    expect(await findTool('k6', { ...surroundings(env), signal: interruption.signal })).toMatchObject({
      state: 'missing',
    })
    expect(readdirSync(folder)).toEqual([])
  })
})
