import { existsSync, readFileSync } from 'node:fs'
import { chmod, lchown, lstat, mkdir, readdir, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { LaunchOptions } from '@playwright/test'
import { runProgram } from '../processes/index.ts'
import { installAtomically, toolsFolder } from '../tools/index.ts'

export type NpmChromium = { state: 'ok'; launchOptions: LaunchOptions } | { state: 'missing'; reason: string }

const packageName = '@sparticuz/chromium'
const unpackTimeoutMs = 5 * 60_000
const startTimeoutMs = 30_000
const neverAborted = new AbortController().signal
const unpackScript = fileURLToPath(new URL('unpack.ts', import.meta.url))

/**
 * The Chromium of the npm package `@sparticuz/chromium`, unpacked once per machine (200 MB) into the tools
 * folder. A development dependency: where vigil was installed without those, it is missing.
 */
export async function npmChromium(env: NodeJS.ProcessEnv): Promise<NpmChromium> {
  const version = installedVersion()
  if (version === undefined) return missing(`the npm package ${packageName} is not installed`)
  if (process.platform !== 'linux' || process.arch !== 'x64')
    return missing(`the npm package ${packageName} is built for Linux on x64 only`)
  const tools = toolsFolder(env)
  if (tools.state === 'missing') return missing(`${tools.reason}: ${tools.whatToDo}`)
  const folder = join(tools.path, `chromium-${version}`, 'unpacked')
  if (!existsSync(folder)) {
    const installed = await installAtomically(folder, async (scratch) =>
      unpack(join(scratch, 'unpacked'), env),
    )
    if (installed.state === 'failed') return missing(`${packageName}: ${installed.reason}`)
  }
  const problem = await plantedProblem(folder)
  return problem === undefined ? startable(folder, env) : missing(problem)
}

function installedVersion(): string | undefined {
  try {
    // The package exports its entry point only, build/index.js.
    const entry = createRequire(import.meta.url).resolve(packageName)
    const manifest: unknown = JSON.parse(readFileSync(join(entry, '../../package.json'), 'utf8'))
    return typeof manifest === 'object' && manifest !== null && 'version' in manifest
      ? String(manifest.version)
      : undefined
  } catch {
    return undefined
  }
}

async function unpack(
  folder: string,
  env: NodeJS.ProcessEnv,
): Promise<{ state: 'ok'; path: string } | { state: 'failed'; reason: string }> {
  await mkdir(folder)
  // The package unpacks into the temporary folder, under names that another user could have taken in /tmp.
  const ran = await runProgram(process.execPath, [unpackScript], {
    timeoutMs: unpackTimeoutMs,
    env: { ...env, TMPDIR: folder, NODE_OPTIONS: '' },
    signal: neverAborted,
  })
  if (ran.state === 'failed') return ran
  await writeFile(join(folder, 'fonts', 'fonts.conf'), fontConfig)
  await ownTree(folder)
  return { state: 'ok', path: folder }
}

/**
 * For root, unpacking keeps the archive's owners (1001); a user with that id could then change the libraries.
 */
async function ownTree(folder: string): Promise<void> {
  const [user, group] = [process.getuid?.(), process.getgid?.()]
  if (user === undefined || group === undefined) return
  for (const name of ['.', ...(await readdir(folder, { recursive: true }))]) {
    const path = join(folder, name)
    await lchown(path, user, group)
    // Readable for every user, as the tools folder may be shared; the package makes its browser private.
    const { mode } = await lstat(path)
    await chmod(path, (mode & 0o100) === 0 ? 0o644 : 0o755)
  }
}

/** The machine's fonts where it has some, and the package's: text without any font is invisible. */
const fontConfig = `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <include ignore_missing="yes">/etc/fonts/fonts.conf</include>
  <dir prefix="relative">fonts</dir>
  <cachedir prefix="xdg">fontconfig</cachedir>
</fontconfig>
`

/** Where VIGIL_TOOLS_DIR is a folder that others can write to, one of them could have put a program there. */
async function plantedProblem(folder: string): Promise<string | undefined> {
  for (const path of [folder, join(folder, 'chromium')]) {
    const found = await lstat(path).catch(() => undefined)
    if (found === undefined) return `${path} is missing: remove ${folder}, so that it is unpacked again`
    const isOurs = found.uid === process.getuid?.() || found.uid === 0
    if (found.isSymbolicLink() || !isOurs || (found.mode & 0o022) !== 0)
      return `${path} can be changed by other users, so it is not used: remove it, or set VIGIL_TOOLS_DIR`
  }
  return undefined
}

/**
 * The package's own libraries only where the machine lacks some (libnss3, libnspr4, libexpat): its own are
 * newer.
 */
async function startable(folder: string, env: NodeJS.ProcessEnv): Promise<NpmChromium> {
  const executablePath = join(folder, 'chromium')
  const withFonts =
    env['FONTCONFIG_FILE'] || env['FONTCONFIG_PATH']
      ? { ...env }
      : { ...env, FONTCONFIG_FILE: join(folder, 'fonts', 'fonts.conf') }
  const libraries = [
    join(folder, 'al2023', 'lib'),
    ...(env['LD_LIBRARY_PATH'] ? [env['LD_LIBRARY_PATH']] : []),
  ]
  let reason = ''
  for (const candidate of [withFonts, { ...withFonts, LD_LIBRARY_PATH: libraries.join(delimiter) }]) {
    const ran = await runProgram(executablePath, ['--version'], {
      timeoutMs: startTimeoutMs,
      env: candidate,
      signal: neverAborted,
    })
    if (ran.state === 'ok') return { state: 'ok', launchOptions: { executablePath, env: candidate } }
    reason = ran.reason
  }
  return missing(reason)
}

function missing(reason: string): NpmChromium {
  return { state: 'missing', reason }
}
