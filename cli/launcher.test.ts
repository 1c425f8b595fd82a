import { execFileSync, spawn } from 'node:child_process'
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { workplace } from './testing/vigil.ts'

// The launcher in a checkout whose Node is missing, as after `NODE_ENV=production npm ci`.
const launcher = fileURLToPath(new URL('../vigil', import.meta.url))
let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'vigil-launcher-'))
  copyFileSync(launcher, join(folder, 'vigil'))
  mkdirSync(join(folder, 'cli'))
  mkdirSync(join(folder, 'path'))
  writeFileSync(join(folder, 'cli', 'main.ts'), "process.stdout.write('started')\n")
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** Starts the launcher with only the system's folders and `path/` on the PATH. */
function launch(): { code: number; stdout: string; stderr: string } {
  try {
    const stdout = execFileSync('/bin/sh', [join(folder, 'vigil')], {
      env: { PATH: `${join(folder, 'path')}:/nowhere`, HOME: folder },
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    return { code: 0, stdout, stderr: '' }
  } catch (error) {
    const { status, stdout, stderr } = error as { status: number; stdout: string; stderr: string }
    return { code: status, stdout, stderr }
  }
}

function installNode(version: string): void {
  const node = join(folder, 'path', 'node')
  writeFileSync(node, `#!/bin/sh\necho ${version}\n`)
  chmodSync(node, 0o755)
}

describe('./vigil', () => {
  beforeEach(() => {
    for (const name of ['dirname', 'readlink', 'uname'])
      symlinkSync(
        execFileSync('/bin/sh', ['-c', `command -v ${name}`], { encoding: 'utf8' }).trim(),
        join(folder, 'path', name),
      )
  })

  it('before npm ci says to run it, exit 4', () => {
    const { code, stderr } = launch()
    expect([code, stderr]).toEqual([
      4,
      expect.stringMatching(/^vigil: \S+ is missing: run 'npm ci' in \S+ first\n$/),
    ])
  })

  it.each([
    ['no Node', undefined, 'found none on the PATH'],
    ['an older Node', 'v23.11.0', 'found v23.11.0 on the PATH'],
    ['something else of that name', 'Node Information Tool', 'found Node Information Tool on the PATH'],
  ])(
    'installed without its own Node and with %s on the PATH says how to install it, exit 4',
    (_what, version, found) => {
      mkdirSync(join(folder, 'node_modules'))
      if (version !== undefined) installNode(version)
      const { code, stderr } = launch()
      expect([code, stderr]).toEqual([4, expect.stringContaining(found)])
      expect(stderr).toMatch(/^[^\n]*run 'npm ci --include=dev' in [^\n]*\n$/)
    },
  )

  it('installed without its own Node runs with a newer one of the PATH', () => {
    mkdirSync(join(folder, 'node_modules'))
    symlinkSync(process.execPath, join(folder, 'path', 'node'))
    expect(launch()).toEqual({ code: 0, stdout: 'started', stderr: '' })
  })
})

it('vigil started by npx ends when the shell that npm put in between is ended', async () => {
  const place = workplace()
  place.configure({
    target: { url: 'http://127.0.0.1:1' },
    probes: { home: { journey: 'home' } },
    suites: {},
  })
  // `; true`: the shell stays, as dash does for npm, and the signal of npm reaches only the shell.
  const args = ['probe', '--config', 'vigil.config.mjs', '--every', '1h']
  const shell = spawn('sh', ['-c', '"$0" "$@"; true', launcher, ...args], {
    cwd: place.folder,
    env: { ...process.env, CI: '', npm_command: 'exec' },
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  onTestFinished(() => {
    place.remove()
    try {
      process.kill(-(shell.pid ?? Number.NaN), 'SIGKILL')
    } catch {
      // All have ended.
    }
  })
  for await (const chunk of shell.stderr) if (String(chunk).includes('on schedule')) shell.kill('SIGTERM')
  // The stream has ended: nothing that writes to it is left.
  expect(shell.signalCode).toBe('SIGTERM')
})
