import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Verdict } from '../../../baselines/index.ts'
import { workplace } from '../../testing/vigil.ts'
import type { Workplace } from '../../testing/vigil.ts'

/* A service in a repository, as CI checks it out: the branch of a change, and of its history one commit. */

let origin: string
let place: Workplace

function git(...args: string[]): void {
  const user = ['-c', 'user.name=t', '-c', 'user.email=t@example.com', '-c', 'init.defaultBranch=main']
  execFileSync('git', [...user, '-C', origin, ...args], { stdio: 'pipe' })
}

beforeAll(() => {
  origin = mkdtempSync(join(tmpdir(), 'vigil-origin-'))
  place = workplace()
  const server =
    "import { createServer } from 'node:http'\n" +
    "const service = createServer((_request, response) => response.end('ok'))\n" +
    "service.listen(process.env.PORT ?? 18391, '127.0.0.1')\n"
  writeFileSync(join(origin, 'server.mjs'), server)
  git('init', '-q')
  git('add', '-A')
  git('commit', '-qm', 'main')
  git('checkout', '-qb', 'topic')
  git('commit', '-qm', 'topic', '--allow-empty')
  execFileSync('git', ['clone', '-q', '--depth', '1', '--branch', 'topic', `file://${origin}`, 'checkout'], {
    cwd: place.folder,
  })
  const load = { load: { ratePerSecond: 20 }, warmupSeconds: 0, durationSeconds: 2 }
  place.write(
    'checkout/vigil.config.mjs',
    `export default ${JSON.stringify({
      target: { url: 'http://127.0.0.1:18391', command: [process.execPath, 'server.mjs'], ready: '/' },
      journeys: './journeys.mjs',
      suites: { open: { engine: 'k6', journeys: { home: 1 }, ...load } },
      budgets: { meanMs: 500 },
    })}\n`,
  )
  place.write('checkout/journeys.mjs', readFileSync(join(place.folder, 'journeys.mjs'), 'utf8'))
})
afterAll(() => {
  rmSync(origin, { recursive: true, force: true })
  place.remove()
})

it('a shallow clone whose origin cannot be reached is exit 4 in CI: no duet was measured', async () => {
  const moved = `${origin}-moved`
  renameSync(origin, moved)
  const args = ['gate', '--json', '--config', 'checkout/vigil.config.mjs']
  const { code, stdout, stderr } = await place.vigil(args, { env: { CI: 'true', GITHUB_BASE_REF: 'main' } })
  renameSync(moved, origin)
  const verdict = JSON.parse(stdout) as Verdict
  expect([code, verdict.verdict], stdout).toEqual([4, 'invalid'])
  expect(verdict.rows.find(({ rule }) => rule === 'duet')?.message).toContain('fetch-depth: 0')
  expect(stderr).toContain('fetch-depth: 0')
  expect(verdict.rows).toContainEqual(expect.objectContaining({ metric: 'meanMs', status: 'pass' }))
})

it('and so is the base of vigil ab outside CI, which fetches nothing', async () => {
  const args = ['ab', '--json', '--config', 'checkout/vigil.config.mjs', 'origin/main']
  const { code, stdout } = await place.vigil(args)
  expect([code, stdout]).toEqual([4, expect.stringContaining('fetch-depth: 0')])
})
