import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { DebianPackage, GoModule } from './catalogue.ts'
import { installAtomically } from './folder.ts'
import type { FetchResult } from './folder.ts'
import { runProgram } from '../processes/index.ts'
import type { ToolContext } from './find.ts'

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

/** Takes a program out of its Debian package, without installing the package. */
export async function unpackDebian(
  { name, path }: DebianPackage,
  place: string,
  context: ToolContext,
): Promise<FetchResult> {
  if ((await runProgram('apt-get', ['--version'], { ...context, timeoutMs: 10_000 })).state === 'failed')
    return { state: 'skipped' }
  context.progress(`unpacking Debian's ${name}`)
  return installAtomically(place, async (scratch) => {
    const fetched = await aptDownload(name, scratch, context)
    if (fetched.state === 'failed') return fetched
    const archive = (await readdir(scratch)).find((file) => file.endsWith('.deb'))
    if (archive === undefined)
      return { state: 'failed', reason: `apt-get download ${name} brought no package` }
    const unpacked = await runProgram('dpkg-deb', ['-x', archive, 'root'], {
      ...context,
      timeoutMs: 60_000,
      cwd: scratch,
    })
    return unpacked.state === 'ok' ? { state: 'ok', path: join(scratch, 'root', path) } : unpacked
  })
}

// A machine whose package lists are missing or old is brought up to date once; that needs root, as CI has.
async function aptDownload(
  name: string,
  scratch: string,
  context: ToolContext,
): Promise<{ state: 'ok' } | { state: 'failed'; reason: string }> {
  const fetch = async () =>
    runProgram('apt-get', ['-q', '-o', 'APT::Sandbox::User=root', 'download', name], {
      ...context,
      timeoutMs: fetchTimeoutMs,
      cwd: scratch,
    })
  const first = await fetch()
  if (first.state === 'ok') return first
  const updated = await runProgram('apt-get', ['-q', 'update'], {
    ...context,
    timeoutMs: fetchTimeoutMs,
  })
  return updated.state === 'ok' ? fetch() : { state: 'failed', reason: `${first.reason}; ${updated.reason}` }
}
