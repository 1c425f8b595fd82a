import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'vitest'
import { startFakeGitHub } from '../../cli/commands/publish/testing/fake-github.ts'
import type { FakeGitHub } from '../../cli/commands/publish/testing/fake-github.ts'
import { freePort } from '../../cli/testing/service.ts'
import { runAction } from './runner.ts'
import type { JobResult } from './runner.ts'

export const root = fileURLToPath(new URL('../..', import.meta.url))
export const head = 'a'.repeat(40)

/** A pull request of a project with a service, and the code host that it belongs to. */
export interface Project {
  github: FakeGitHub
  /** Holds the repository, its checkout and the files of the runner. */
  top: string
  workspace: string
  /** Checks the pull request out, with one commit. The service answers with `status`. */
  checkOut: (status?: number) => Promise<void>
  runJob: (inputs: Record<string, string>, event: object) => Promise<JobResult>
}

/** A test with a project of its own, so that tests of a file can run at the same time. */
export const projectTest = test.extend<{ project: Project }>({
  // oxlint-disable-next-line no-empty-pattern -- vitest reads the names of other fixtures from it
  project: async ({}, use) => {
    const github = await startFakeGitHub()
    const top = mkdtempSync(join(tmpdir(), 'vigil-action-'))
    const workspace = join(top, 'workspace')
    let jobs = 0
    await use({
      github,
      top,
      workspace,
      checkOut: async (status = 500) => checkOut(top, workspace, status),
      runJob: async (inputs, event) => {
        const eventFile = join(top, 'event.json')
        writeFile(eventFile, JSON.stringify(event))
        return runAction({
          actionFolder: root.replace(/\/$/, ''),
          workspace,
          temporary: join(top, `temporary-${(jobs += 1)}`),
          inputs: { version: 'installed', config: 'vigil.config.mjs', ...inputs },
          env: {
            PATH: process.env['PATH'],
            HOME: process.env['HOME'],
            GITHUB_API_URL: github.url,
            GITHUB_REPOSITORY: 'o/r',
            GITHUB_SHA: git(workspace, 'rev-parse', 'HEAD'),
            GITHUB_BASE_REF: '',
            GITHUB_RUN_ID: '42',
            GITHUB_EVENT_PATH: eventFile,
          },
          token: 'ghs_fake',
        })
      },
    })
    await github.close()
    rmSync(top, { recursive: true, force: true })
    if (github.violations.length > 0) throw new Error(github.violations.join('\n'))
  },
})

function git(folder: string, ...args: string[]): string {
  const user = ['-c', 'user.name=t', '-c', 'user.email=t@example.com', '-c', 'init.defaultBranch=main']
  return execFileSync('git', [...user, ...args], { cwd: folder, encoding: 'utf8', stdio: 'pipe' }).trim()
}

export function writeFile(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
}

// Few arrivals: these tests run at the same time, and a machine without time must not drop one.
const short = { warmupSeconds: 0, durationSeconds: 1 }

/**
 * A service whose answers fail, unless `status` says otherwise. It takes its time, so that the closed loops
 * of tests that run at the same time do not take all cores.
 */
async function writeProject(folder: string, status: number): Promise<void> {
  const url = `http://127.0.0.1:${await freePort()}`
  writeFile(
    join(folder, 'server.mjs'),
    "import { createServer } from 'node:http'\n" +
      `const statusOf = (path) => (path === '/up' ? 200 : ${status})\n` +
      'const service = createServer(({ url }, response) =>\n' +
      '  setTimeout(() => response.writeHead(statusOf(url)).end(), 20),\n' +
      ')\n' +
      `service.listen(process.env.PORT ?? ${new URL(url).port}, '127.0.0.1')\n`,
  )
  writeFile(
    join(folder, 'vigil.config.mjs'),
    `export default ${JSON.stringify({
      target: { url, command: [process.execPath, 'server.mjs'], ready: '/up' },
      journeys: './journeys.mjs',
      suites: {
        open: { engine: 'k6', journeys: { home: 1 }, load: { ratePerSecond: 10 }, ...short },
        // A stall of the machine makes no run of connections invalid.
        closed: { engine: 'autocannon', journeys: { home: 1 }, load: { connections: 2 }, ...short },
        other: { engine: 'k6', journeys: { home: 1 }, load: { ratePerSecond: 1 }, ...short },
      },
      gate: { suites: ['closed'] },
      budgets: { steps: { 'home/get': { errorRate: 0.5 } } },
    })}\n`,
  )
  writeFile(join(folder, 'vigil.config.ts'), "export { default } from './vigil.config.mjs'\n")
  writeFile(
    join(folder, 'journeys.mjs'),
    "export default [\n  {\n    name: 'home',\n    steps: [\n" +
      "      { name: 'get', request: () => ({ method: 'GET', path: '/' }) },\n    ],\n  },\n]\n",
  )
}

async function checkOut(top: string, workspace: string, status: number): Promise<void> {
  const origin = join(top, 'origin')
  git(top, 'init', '-q', origin)
  await writeProject(origin, status)
  git(origin, 'add', '-A')
  git(origin, 'commit', '-qm', 'main')
  git(origin, 'checkout', '-qb', 'topic')
  git(origin, 'commit', '-qm', 'topic', '--allow-empty')
  git(top, 'clone', '-q', '--depth', '1', '--branch', 'topic', `file://${origin}`, workspace)
  const program = join(workspace, 'node_modules/.bin/vigil')
  mkdirSync(dirname(program), { recursive: true })
  symlinkSync(join(root, 'vigil'), program)
}

/** The fenced code of a language in docs/ci.md. */
export function codeOf(language: string): string[] {
  const text = readFileSync(join(root, 'docs/ci.md'), 'utf8')
  return [...text.matchAll(new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\``, 'gm'))].map(
    ([, code = '']) => code,
  )
}
