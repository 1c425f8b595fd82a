import { createHash } from 'node:crypto'
import { createWriteStream, globSync } from 'node:fs'
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { DebianPackage, DebianRelease, GoModule, GoProgram, Release, ToolContext } from './catalogue.ts'
import { installAtomically } from './folder.ts'
import type { FetchResult } from './folder.ts'
import { runProgram } from '../processes/index.ts'

const maxArchiveBytes = 200 * 2 ** 20
const downloadTimeoutMs = 5 * 60_000

const goArch: Record<string, string> = { x64: 'amd64', arm64: 'arm64' }
const goOs: Record<string, string> = { linux: 'linux', darwin: 'macos' }

/** Downloads a released archive whose hash is known, verifies it, and only then installs the program. */
export async function download(
  release: Release,
  place: string,
  platform: { os: string; arch: string },
  context: ToolContext,
): Promise<FetchResult> {
  const [os, arch] = [goOs[platform.os], goArch[platform.arch]]
  if (os === undefined || arch === undefined) return { state: 'skipped' }
  const expected = context.env[release.hashVariable] ?? release.sha256[`${os}-${arch}`]
  if (expected === undefined) return { state: 'skipped' }
  if (!/^[0-9a-f]{64}$/i.test(expected))
    return {
      state: 'failed',
      reason: `${release.hashVariable} is not a SHA-256, expected 64 hexadecimal digits`,
    }
  const baseUrl = (context.env['VIGIL_TOOLS_URL'] ?? release.baseUrl).replace(/\/$/, '')
  const url = `${baseUrl}/${release.path(os, arch)}`
  context.progress(`downloading ${url}`)
  return installAtomically(place, async (scratch) => {
    const archive = join(scratch, 'archive.tar.gz')
    const found = await fetchToFile(archive, url, context.signal)
    if (found.state === 'failed') return { state: 'failed', reason: `${url}: ${found.reason}` }
    const expectedHash = expected.toLowerCase()
    if (found.sha256 !== expectedHash)
      return {
        state: 'failed',
        reason: `${url}: SHA-256: found ${found.sha256}, expected ${expectedHash}; it was discarded`,
      }
    const unpacked = await runProgram('tar', ['-xzf', archive, '-C', scratch, release.member(os, arch)], {
      ...context,
      timeoutMs: 60_000,
    })
    return unpacked.state === 'ok'
      ? { state: 'ok', path: join(scratch, release.member(os, arch)) }
      : { state: 'failed', reason: `${url}: ${unpacked.reason}` }
  })
}

async function fetchToFile(
  file: string,
  url: string,
  signal: AbortSignal,
): Promise<{ state: 'ok'; sha256: string } | { state: 'failed'; reason: string }> {
  const deadline = AbortSignal.timeout(downloadTimeoutMs)
  try {
    const response = await fetch(url, { signal: AbortSignal.any([signal, deadline]) })
    if (!response.ok || !response.body) return { state: 'failed', reason: `answered ${response.status}` }
    const hash = createHash('sha256')
    await pipeline(Readable.fromWeb(response.body), limitSize(hash), createWriteStream(file))
    return { state: 'ok', sha256: hash.digest('hex') }
  } catch (error) {
    if (signal.aborted) return { state: 'failed', reason: 'interrupted' }
    if (deadline.aborted)
      return { state: 'failed', reason: `not complete after ${downloadTimeoutMs / 1000} s` }
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
    return { state: 'failed', reason: cause instanceof Error ? cause.message : String(cause) }
  }
}

function limitSize(hash: { update: (chunk: Uint8Array) => unknown }) {
  return async function* pass(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    let bytes = 0
    for await (const chunk of source) {
      bytes += chunk.length
      if (bytes > maxArchiveBytes) throw new Error(`larger than ${maxArchiveBytes} bytes`)
      hash.update(chunk)
      yield chunk
    }
  }
}

const buildTimeoutMs = 15 * 60_000
const fetchTimeoutMs = 5 * 60_000

/** Builds a program with Go, where Go is. Takes minutes, once. */
export async function goInstall(
  { module, version, program }: GoModule,
  place: string,
  context: ToolContext,
): Promise<FetchResult> {
  if ((await runProgram('go', ['version'], { ...context, timeoutMs: 10_000 })).state === 'failed')
    return { state: 'skipped' }
  context.progress(`building ${program} ${version} with Go; this takes a few minutes, once`)
  return installAtomically(place, async (scratch) => {
    const built = await runProgram('go', ['install', `${module}@${version}`], {
      timeoutMs: buildTimeoutMs,
      cwd: scratch,
      env: { ...context.env, GOBIN: scratch, GOFLAGS: '-mod=mod' },
      signal: context.signal,
    })
    return built.state === 'ok' ? { state: 'ok', path: join(scratch, program) } : built
  })
}

/** Builds a program from a module of its own, where Go is. Takes minutes, once. */
export async function goBuild(
  { module, version, replaced, program, imported }: GoProgram,
  place: string,
  context: ToolContext,
): Promise<FetchResult> {
  if ((await runProgram('go', ['version'], { ...context, timeoutMs: 10_000 })).state === 'failed')
    return { state: 'skipped' }
  context.progress(`building ${program} ${version} with Go; this takes several minutes, once`)
  const replacements = (replaced?.modules ?? []).map((name) => `\t${name} => ${name} ${replaced?.version}`)
  return installAtomically(place, async (scratch) => {
    const limits = {
      timeoutMs: buildTimeoutMs,
      cwd: scratch,
      env: { ...context.env, GOFLAGS: '-mod=mod' },
      signal: context.signal,
    }
    const require = `require ${module} ${version}`
    await writeFile(
      join(scratch, 'go.mod'),
      ['module build', require, 'replace (', ...replacements, ')', ''].join('\n'),
    )
    // What a module does not import, `go mod tidy` drops again.
    await writeFile(join(scratch, 'build.go'), `package build\n\nimport _ "${imported}"\n`)
    const tidied = await runProgram('go', ['mod', 'tidy'], limits)
    if (tidied.state === 'failed') return tidied
    const path = join(scratch, 'program')
    const flags = ['-trimpath', '-ldflags', `-s -w ${versionFlags(module, version)}`]
    const built = await runProgram('go', ['build', ...flags, '-o', path, program], limits)
    return built.state === 'ok' ? { state: 'ok', path } : built
  })
}

/** Kubernetes' programs print the version that its release build writes into them. */
function versionFlags(module: string, version: string): string {
  return module === 'k8s.io/kubernetes' ? `-X k8s.io/component-base/version.gitVersion=${version}` : ''
}

/** Takes a program out of its Debian package, without installing the package. */
export async function unpackDebian(
  { name, path, release }: DebianPackage,
  place: string,
  context: ToolContext,
): Promise<FetchResult> {
  if ((await runProgram('apt-get', ['--version'], { ...context, timeoutMs: 10_000 })).state === 'failed')
    return { state: 'skipped' }
  context.progress(`unpacking Debian's ${name}`)
  if (release !== undefined)
    return installAtomically(dirname(place), (scratch) =>
      unpackWithLibraries({ name, path, release }, basename(place), scratch, context),
    )
  return installAtomically(place, async (scratch) => {
    const fetched = await downloadPackage(name, scratch, context)
    if (fetched.state === 'failed') return fetched
    const unpacked = await unpackArchives(scratch, join(scratch, 'root'), context)
    return unpacked.state === 'ok' ? { state: 'ok', path: join(scratch, 'root', path) } : unpacked
  })
}

type StepResult = { state: 'ok' } | { state: 'failed'; reason: string }

// A machine whose package lists are missing or old is brought up to date once; that needs root, as CI has.
async function downloadPackage(name: string, scratch: string, context: ToolContext): Promise<StepResult> {
  const first = await runApt(['download', name], scratch, context)
  if (first.state === 'ok') return first
  const updated = await runApt(['update'], scratch, context)
  return updated.state === 'ok'
    ? runApt(['download', name], scratch, context)
    : { state: 'failed', reason: `${first.reason}; ${updated.reason}` }
}

/**
 * Unpacks a program and its libraries from a release of Debian, with package lists of their own in `scratch`.
 * Returns a folder with a script of the name `program`, which starts the program with these libraries.
 */
async function unpackWithLibraries(
  { name, path, release }: DebianPackage & { release: DebianRelease },
  program: string,
  scratch: string,
  context: ToolContext,
): Promise<Exclude<FetchResult, { state: 'skipped' }>> {
  const lists = join(scratch, 'apt')
  await mkdir(join(lists, 'lists', 'partial'), { recursive: true })
  await mkdir(join(lists, 'archives', 'partial'), { recursive: true })
  const mirror = (await findMirror(scratch, context)) ?? (await findMirrorAfterUpdate(scratch, context))
  if (mirror === undefined) return { state: 'failed', reason: 'apt has no package lists of Debian' }
  const sources = join(lists, 'debian.sources')
  await writeFile(
    sources,
    `Types: deb\nURIs: ${mirror}\nSuites: ${release.suite}\nComponents: main\n` +
      'Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg\n',
  )
  const options = [
    `Dir::Etc::SourceList=${sources}`,
    'Dir::Etc::SourceParts=-',
    `Dir::State::Lists=${join(lists, 'lists')}`,
    `Dir::Cache=${lists}`,
  ].flatMap((option) => ['-o', option])
  for (const command of [['update'], ['download', name, ...release.libraries]]) {
    const ran = await runApt([...options, ...command], scratch, context)
    if (ran.state === 'failed') return ran
  }
  const folder = join(scratch, 'folder')
  const unpacked = await unpackArchives(scratch, join(folder, 'root'), context)
  if (unpacked.state === 'failed') return unpacked
  const [loader] = globSync('root/usr/lib/*/ld-linux-*.so.*', { cwd: folder })
  if (loader === undefined) return { state: 'failed', reason: `Debian's ${name}: found no program loader` }
  const start = `"$here/${loader}" --library-path "$here/${dirname(loader)}" "$here/root/${path}" "$@"`
  const script = `#!/bin/sh\nhere=$(dirname "$(readlink -f "$0")")\nexec ${start}\n`
  await writeFile(join(folder, program), script, { mode: 0o755 })
  return { state: 'ok', path: folder }
}

/** The address of Debian's archive that this machine uses. */
async function findMirror(scratch: string, context: ToolContext): Promise<string | undefined> {
  const filters = ['Created-By: Packages', 'Origin: Debian', 'Label: Debian']
  const targets = await runApt(['indextargets', '--format', '$(REPO_URI)', ...filters], scratch, context)
  const found = targets.state === 'ok' ? targets.output.trim().split('\n', 1)[0] : undefined
  return found === '' ? undefined : found
}

async function findMirrorAfterUpdate(scratch: string, context: ToolContext): Promise<string | undefined> {
  await runApt(['update'], scratch, context)
  return findMirror(scratch, context)
}

function runApt(args: readonly string[], cwd: string, context: ToolContext) {
  const limits = { ...context, timeoutMs: fetchTimeoutMs, cwd }
  return runProgram('apt-get', ['-q', '-o', 'APT::Sandbox::User=root', ...args], limits)
}

async function unpackArchives(from: string, to: string, context: ToolContext): Promise<StepResult> {
  const archives = (await readdir(from)).filter((file) => file.endsWith('.deb'))
  if (archives.length === 0) return { state: 'failed', reason: 'apt-get download brought no package' }
  await mkdir(to, { recursive: true })
  for (const archive of archives) {
    const options = { ...context, timeoutMs: 60_000, cwd: from }
    const unpacked = await runProgram('dpkg-deb', ['-x', archive, to], options)
    if (unpacked.state === 'failed') return unpacked
  }
  return { state: 'ok' }
}
