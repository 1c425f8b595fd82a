import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import { findBrowser, launchBrowser } from './playwright.ts'
import type { BrowserPlaces } from './playwright.ts'
import { temporaryFolder } from '../testing/temporary-folder.ts'

const base = temporaryFolder('browser')

const entry = createRequire(import.meta.url).resolve('@sparticuz/chromium')
const { version } = JSON.parse(readFileSync(join(entry, '../../package.json'), 'utf8')) as { version: string }

let folder: string
let unpacked: string
let env: NodeJS.ProcessEnv
let places: BrowserPlaces
beforeEach(() => {
  folder = mkdtempSync(join(base, 'case-'))
  unpacked = join(folder, `chromium-${version}`, 'unpacked')
  env = { PATH: process.env['PATH'], VIGIL_TOOLS_DIR: folder }
  places = {
    playwright: join(folder, 'playwright'),
    machine: [join(folder, 'first'), join(folder, 'second')],
  }
  program(join(unpacked, 'chromium'), 'echo Chromium 1')
})

/** A shell script that stands in for a browser. */
function program(path: string, script = 'exit 0'): string {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, `#!/bin/sh\n${script}\n`)
  chmodSync(path, 0o755)
  return path
}

describe('a browser is searched', () => {
  it('where VIGIL_BROWSER says, whatever else there is', async () => {
    program(places.playwright)
    const named = program(join(folder, 'named'))
    expect(await findBrowser({ ...env, VIGIL_BROWSER: named }, places)).toEqual({
      state: 'ok',
      origin: 'variable',
      launchOptions: { executablePath: named },
    })
  })

  it.each([
    ['absent', () => undefined],
    ['a folder', (path: string) => mkdirSync(path)],
    ['not executable', (path: string) => writeFileSync(path, '')],
  ])('nowhere else when what VIGIL_BROWSER names is %s', async (_, prepare) => {
    program(places.playwright)
    const named = join(folder, 'named')
    prepare(named)
    const reason = `VIGIL_BROWSER names ${named}, which is not a program: correct VIGIL_BROWSER, or unset it`
    expect(await findBrowser({ ...env, VIGIL_BROWSER: named }, places)).toEqual({ state: 'invalid', reason })
    await expect(launchBrowser({ ...env, VIGIL_BROWSER: named })).rejects.toThrow(reason)
  })

  it("then in Playwright's folder, then at the machine's paths, then in the npm package", async () => {
    const [first = '', second = ''] = places.machine
    for (const path of [places.playwright, first, second]) program(path)
    const search = async () => findBrowser({ ...env, VIGIL_BROWSER: '' }, places)
    expect(await search()).toEqual({ state: 'ok', origin: 'playwright', launchOptions: {} })
    rmSync(places.playwright)
    expect(await search()).toMatchObject({ origin: 'machine', launchOptions: { executablePath: first } })
    rmSync(first)
    expect(await search()).toMatchObject({ origin: 'machine', launchOptions: { executablePath: second } })
    rmSync(second)
    expect(await search()).toMatchObject({
      origin: 'npm',
      launchOptions: { executablePath: join(unpacked, 'chromium') },
    })
  })
})

describe('the browser of the npm package', () => {
  it('starts with the libraries of the machine, and with the fonts of both', async () => {
    expect(await findBrowser(env, places)).toMatchObject({
      state: 'ok',
      launchOptions: { env: { ...env, FONTCONFIG_FILE: join(unpacked, 'fonts', 'fonts.conf') } },
    })
    expect(await findBrowser({ ...env, LD_LIBRARY_PATH: '/mine' }, places)).toMatchObject({
      launchOptions: { env: { LD_LIBRARY_PATH: '/mine' } },
    })
  })

  it('starts with its own libraries where the machine lacks some', async () => {
    const libraries = join(unpacked, 'al2023', 'lib')
    program(
      join(unpacked, 'chromium'),
      `case "$LD_LIBRARY_PATH" in ${libraries}*) exit 0;; *) exit 127;; esac`,
    )
    expect(await findBrowser({ ...env, LD_LIBRARY_PATH: '/mine' }, places)).toMatchObject({
      state: 'ok',
      launchOptions: { env: { LD_LIBRARY_PATH: `${libraries}:/mine` } },
    })
  })

  it('is missing, with the reason, when it starts with neither', async () => {
    program(join(unpacked, 'chromium'), 'echo "libc.so.6: version not found" >&2; exit 1')
    expect(await findBrowser(env, places)).toEqual({
      state: 'missing',
      reason:
        `no browser on this machine (${join(unpacked, 'chromium')} ended with code 1: libc.so.6: ` +
        'version not found): run npx playwright install chromium, install the package chromium, ' +
        'or set VIGIL_BROWSER',
    })
  })

  it.each([
    ['the folder', () => unpacked],
    ['the program', () => join(unpacked, 'chromium')],
  ])('is not used when other users can write to %s', async (_, path) => {
    chmodSync(path(), 0o777)
    expect(await findBrowser(env, places)).toMatchObject({
      state: 'missing',
      reason: expect.stringContaining(`${path()} can be changed by other users, so it is not used`),
    })
  })

  it('is missing where there is no folder for it', async () => {
    expect(await findBrowser({ PATH: env['PATH'] }, places)).toMatchObject({
      state: 'missing',
      reason: expect.stringContaining('set VIGIL_TOOLS_DIR'),
    })
  })
})
