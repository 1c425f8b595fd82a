import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { workplace } from '../../testing/vigil.ts'
import type { Workplace } from '../../testing/vigil.ts'

let place: Workplace
beforeAll(() => {
  place = workplace()
  const noteEnvironment = (name: string): string[] => [
    'sh',
    '-c',
    `env >> ${join(place.folder, name)}; exit 1`,
  ]
  place.configure({
    target: {
      url: 'http://127.0.0.1:18392',
      prepare: ['sh', '-c', `env > ${join(place.folder, 'prepared')}`],
      command: noteEnvironment('served'),
      ready: '/',
      env: { OWN: 'of target.env' },
    },
    suites: {
      open: { engine: 'k6', journeys: { home: 1 }, load: { ratePerSecond: 5 }, durationSeconds: 1 },
    },
  })
  const git = (...args: string[]): void => {
    const user = ['-c', 'user.name=t', '-c', 'user.email=t@example.com', '-c', 'init.defaultBranch=main']
    execFileSync('git', [...user, ...args], { cwd: place.folder, stdio: 'pipe' })
  }
  git('init', '-q')
  git('add', '-A')
  git('commit', '-qm', 'first')
})
afterAll(() => place.remove())

it("install scripts and servers of revisions get target.env, and not CI's secrets", async () => {
  const env = { DEPLOY_KEY: 'canary-77', GIT_DIR: join(place.folder, '.git') }
  const { code, stdout } = await place.vigil(['ab', 'HEAD', 'HEAD'], { env })
  expect(code).toBe(4)
  expect(stdout.replaceAll(/\s+/g, ' ')).toContain('it got target.env and the usual variables only')
  for (const name of ['prepared', 'served']) {
    const seen = readFileSync(join(place.folder, name), 'utf8')
    expect(seen).toContain('OWN=of target.env')
    expect(seen).toMatch(/^PATH=/m)
    expect(seen).not.toContain('canary-77')
    expect(seen).not.toMatch(/^GIT_DIR=/m)
  }
  expect(readFileSync(join(place.folder, 'served'), 'utf8')).toMatch(/^PORT=\d+$/m)
})

it.each([
  ['a checkout behind a symbolic link', (link: string) => symlinkSync(place.folder, link)],
  [
    'a config that is a symbolic link into the checkout',
    (link: string) => {
      mkdirSync(link)
      symlinkSync(join(place.folder, 'vigil.config.mjs'), join(link, 'vigil.config.mjs'))
    },
  ],
])('%s: both revisions are checked out, prepared and started', async (_, connect) => {
  const elsewhere = mkdtempSync(join(tmpdir(), 'vigil-link-'))
  const link = join(elsewhere, 'link')
  connect(link)
  for (const name of ['prepared', 'served']) rmSync(join(place.folder, name), { force: true })
  const { code, stdout } = await place.vigil([
    'ab',
    'HEAD',
    'HEAD',
    '--config',
    join(link, 'vigil.config.mjs'),
  ])
  rmSync(elsewhere, { recursive: true })
  expect([code, stdout]).toEqual([4, expect.stringContaining('INVALID')])
  for (const name of ['prepared', 'served'])
    expect(readFileSync(join(place.folder, name), 'utf8')).toContain('OWN=of target.env')
})
