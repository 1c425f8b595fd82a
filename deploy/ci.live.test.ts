import { execFileSync, spawn } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { z } from 'zod'
import { startFakeGitHub } from '../cli/commands/publish/testing/fake-github.ts'
import type { FakeGitHub } from '../cli/commands/publish/testing/fake-github.ts'
import { freePort, startService } from '../cli/testing/service.ts'
import { requireTool } from '../runtime/tools/index.ts'
import { readAction, runAction } from './testing/runner.ts'
import type { JobResult } from './testing/runner.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const head = 'a'.repeat(40)
let github: FakeGitHub
let top: string
let workspace: string

function git(folder: string, ...args: string[]): string {
  const user = ['-c', 'user.name=t', '-c', 'user.email=t@example.com', '-c', 'init.defaultBranch=main']
  return execFileSync('git', [...user, ...args], { cwd: folder, encoding: 'utf8', stdio: 'pipe' }).trim()
}

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
}

const short = { warmupSeconds: 0, durationSeconds: 1 }

/** A service whose answers fail, unless `status` says otherwise. */
async function writeProject(folder: string, status: number): Promise<void> {
  const url = `http://127.0.0.1:${await freePort()}`
  write(
    join(folder, 'server.mjs'),
    "import { createServer } from 'node:http'\n" +
      `const statusOf = (path) => (path === '/up' ? 200 : ${status})\n` +
      'const service = createServer(({ url }, response) => response.writeHead(statusOf(url)).end())\n' +
      `service.listen(process.env.PORT ?? ${new URL(url).port}, '127.0.0.1')\n`,
  )
  write(
    join(folder, 'vigil.config.mjs'),
    `export default ${JSON.stringify({
      target: { url, command: [process.execPath, 'server.mjs'], ready: '/up' },
      journeys: './journeys.mjs',
      suites: {
        open: { engine: 'k6', journeys: { home: 1 }, load: { ratePerSecond: 40 }, ...short },
        other: { engine: 'k6', journeys: { home: 1 }, load: { ratePerSecond: 1 }, ...short },
      },
      gate: { suites: ['open'] },
      budgets: { steps: { 'home/get': { errorRate: 0.5 } } },
    })}\n`,
  )
  write(join(folder, 'vigil.config.ts'), "export { default } from './vigil.config.mjs'\n")
  write(
    join(folder, 'journeys.mjs'),
    "export default [\n  {\n    name: 'home',\n    steps: [\n" +
      "      { name: 'get', request: () => ({ method: 'GET', path: '/' }) },\n    ],\n  },\n]\n",
  )
}

beforeEach(async () => {
  github = await startFakeGitHub()
  top = mkdtempSync(join(tmpdir(), 'vigil-action-'))
  workspace = join(top, 'workspace')
})
afterEach(async () => {
  await github.close()
  rmSync(top, { recursive: true, force: true })
  if (github.violations.length > 0) throw new Error(github.violations.join('\n'))
})

/** A pull request, checked out with `depth` commits. */
async function checkOut(status = 500, depth = '1'): Promise<void> {
  const origin = join(top, 'origin')
  git(top, 'init', '-q', origin)
  await writeProject(origin, status)
  git(origin, 'add', '-A')
  git(origin, 'commit', '-qm', 'main')
  git(origin, 'checkout', '-qb', 'topic')
  git(origin, 'commit', '-qm', 'topic', '--allow-empty')
  git(
    top,
    'clone',
    '-q',
    ...(depth === '0' ? [] : ['--depth', depth]),
    '--branch',
    'topic',
    `file://${origin}`,
    workspace,
  )
  const program = join(workspace, 'node_modules/.bin/vigil')
  mkdirSync(dirname(program), { recursive: true })
  symlinkSync(join(root, 'vigil'), program)
}

let runs = 0
async function runJob(inputs: Record<string, string>, event: object): Promise<JobResult> {
  const eventFile = join(top, 'event.json')
  write(eventFile, JSON.stringify(event))
  const request = {
    actionFolder: root.replace(/\/$/, ''),
    workspace,
    temporary: join(top, `temporary-${(runs += 1)}`),
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
  }
  return runAction(request)
}

const pullRequest = (from: string): object => ({
  pull_request: { number: 7, head: { sha: head, repo: { full_name: from } } },
})

describe('the file of the action', () => {
  const {
    runs: { steps },
  } = readAction(join(root, 'action.yml'))

  it('writes no expression into a script', () => {
    const scripts = steps.flatMap(({ run }) => run ?? [])
    expect(scripts.length).toBeGreaterThan(5)
    expect(scripts.filter((script) => script.includes('${{'))).toEqual([])
  })

  it('pins the actions of others by commit', () => {
    const used = steps.flatMap(({ uses }) => uses ?? [])
    expect(used.length).toBeGreaterThan(2)
    expect(used.filter((name) => !/@[0-9a-f]{40}$/.test(name))).toEqual([])
  })

  it('gives the token to the steps that publish, and to no other', () => {
    const withToken = steps.filter(({ env }) =>
      Object.values(env ?? {}).some((text) => text.includes('token')),
    )
    expect(withToken.map(({ name }) => name)).toEqual(['Show the check in progress', 'Publish'])
  })
})

it('the workflows of this repository and of the documents are valid', async () => {
  const lint = (...files: string[]): string => {
    try {
      return execFileSync(program, ['-no-color', ...files], { encoding: 'utf8' })
    } catch (error) {
      return error instanceof Error && 'stdout' in error ? String(error.stdout) : String(error)
    }
  }
  const program = await requireTool('actionlint')
  const workflows = join(root, '.github/workflows')
  const files = readdirSync(workflows).map((name) => join(workflows, name))
  const ofDocument = codeOf('yaml').filter((text) => /^on:/m.test(text))
  expect([files.length, ofDocument.length]).toEqual([6, 2])
  for (const [index, text] of ofDocument.entries()) {
    write(join(top, `${index}.yml`), text)
    files.push(join(top, `${index}.yml`))
  }
  expect(lint(...files)).toBe('')
  write(join(top, 'bad.yml'), (ofDocument[0] ?? '').replace('runs-on', 'runs-of'))
  expect(lint(join(top, 'bad.yml'))).toContain('runs-of')
  const used = files.flatMap((file) =>
    [...readFileSync(file, 'utf8').matchAll(/uses: (.*)/g)].map(([, name = '']) => name),
  )
  expect(used.filter((name) => name !== './' && !/@[0-9a-f]{40}(?: # v\S+)?$/.test(name))).toEqual([])
})

/** The fenced code of a language in docs/ci.md. */
function codeOf(language: string): string[] {
  const text = readFileSync(join(root, 'docs/ci.md'), 'utf8')
  return [...text.matchAll(new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\``, 'gm'))].map(
    ([, code = '']) => code,
  )
}

const script = z.looseObject({ script: z.array(z.string()) })

/** Runs the lines of a recipe in one shell, as those systems do. */
async function runRecipe(
  lines: readonly string[],
  env: Record<string, string>,
): Promise<[number | null, string]> {
  const child = spawn('sh', ['-ec', lines.filter((line) => line !== 'npm ci').join('\n')], {
    cwd: workspace,
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let log = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (text: Buffer) => void (log += text.toString()))
  return new Promise((resolve) => child.once('close', (code) => resolve([code, log])))
}

describe('a recipe', { timeout: 60_000 }, () => {
  it('of GitLab writes reports and one note, which is found again', async () => {
    await checkOut()
    const notes: { id: number; body: string; system: boolean; author: { id: number } }[] = [
      { id: 1, body: '<!-- vigil:vigil fail -->\nof another user', system: false, author: { id: 8 } },
    ]
    const seen: string[] = []
    const gitlab = await startService((request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        seen.push([request.method, request.url?.split('?')[0], request.headers['private-token']].join(' '))
        const body = z
          .object({ body: z.string() })
          .safeParse(JSON.parse(Buffer.concat(chunks).toString() || '{}'))
        const note = { id: 1 + notes.length, body: body.data?.body ?? '', system: false, author: { id: 3 } }
        if (request.method === 'POST') notes.push(note)
        if (request.method === 'PUT') Object.assign(notes[1] ?? {}, { body: note.body })
        response.end(
          JSON.stringify(request.url === '/user' ? { id: 3 } : request.method === 'GET' ? notes : note),
        )
      })
    })
    const template = z
      .looseObject({ vigil: script })
      .parse(parse(readFileSync(join(root, 'deploy/gitlab/vigil.gitlab-ci.yml'), 'utf8')))
    const env = {
      CI: 'true',
      GITLAB_CI: 'true',
      GITLAB_TOKEN: 'glpat-fake',
      CI_API_V4_URL: gitlab.url,
      CI_PROJECT_ID: '12',
      CI_MERGE_REQUEST_IID: '7',
      CI_PROJECT_DIR: workspace,
      VIGIL_CONFIG_FILE: 'vigil.config.ts',
    }
    try {
      const measured = await runRecipe(template.vigil.script, env)
      expect(measured[0], measured[1]).toBe(1)
      const again = await runRecipe(['code=1', ...template.vigil.script.slice(-2)], env)
      expect(again[0], again[1]).toBe(1)
    } finally {
      await gitlab.close()
    }
    expect(seen).toContain('PUT /projects/12/merge_requests/7/notes/2 glpat-fake')
    expect(notes).toEqual([
      expect.objectContaining({ body: expect.stringContaining('of another user') }),
      expect.objectContaining({ body: expect.stringMatching(/^<!-- vigil:vigil fail -->/) }),
    ])
    expect(readFileSync(join(workspace, 'metrics.txt'), 'utf8')).toMatch(/^# TYPE .*[^]*# EOF\n$/)
  })

  it('of Bitbucket leaves its JUnit report and ends with the exit code', async () => {
    await checkOut()
    const text = codeOf('yaml').find((code) => code.startsWith('pipelines:')) ?? ''
    const step = z.object({ step: script })
    const pipelines = z
      .object({ pipelines: z.object({ 'pull-requests': z.object({ '**': z.tuple([step]) }) }) })
      .parse(parse(text)).pipelines['pull-requests']['**']
    const [code, log] = await runRecipe(pipelines[0].step.script, { CI: 'true', BITBUCKET_BUILD_NUMBER: '1' })
    expect(code, log).toBe(1)
    expect(readFileSync(join(workspace, 'test-results/junit.xml'), 'utf8')).toContain('<failure')
  })

  it('of a plain shell prints the report and ends with the exit code', async () => {
    await checkOut(200)
    const recipe = codeOf('sh').find((code) => code.includes('npx vigil gate')) ?? ''
    expect(recipe).toContain('--base origin/main')
    const [code, log] = await runRecipe(recipe.replace(' --base origin/main', '').split('\n'), {})
    expect(code, log).toBe(0)
    expect(log).toContain('## vigil gate: PASS')
  })
})

describe('a job with the action', { timeout: 60_000 }, () => {
  it('gates a pull request: check, comment, summary, outputs, exit code', async () => {
    await checkOut()
    const job = await runJob({}, pullRequest('o/r'))
    expect(
      job.steps.map(({ code }) => code),
      job.log,
    ).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 0, 1])
    expect(job.outputs).toMatchObject({ verdict: 'fail', 'exit-code': '1', 'rows-inconclusive': '0' })
    expect(existsSync(job.outputs['report'] ?? '')).toBe(true)
    expect(github.checks).toEqual([
      expect.objectContaining({
        head_sha: head,
        conclusion: 'failure',
        output: expect.objectContaining({
          annotations: expect.arrayContaining([
            expect.objectContaining({ path: 'journeys.mjs', start_line: 5 }),
          ]),
        }),
      }),
    ])
    expect(github.comments).toHaveLength(1)
    expect(job.summary).toContain('FAIL')
  })

  it('passes in silence', async () => {
    await checkOut(200)
    const job = await runJob({ 'max-minutes': '3', suites: ' open ', mode: 'enforce' }, pullRequest('o/r'))
    expect([job.isSuccess, job.outputs['verdict']], job.log).toEqual([true, 'pass'])
    expect([github.checks[0]?.['conclusion'], github.comments]).toEqual(['success', []])
  })

  it('measures a fork without its token, and a second workflow publishes what it left', async () => {
    await checkOut()
    const job = await runJob({ mode: 'advisory' }, pullRequest('stranger/r'))
    expect([job.isSuccess, github.requests], job.log).toEqual([true, []])
    expect(job.log).toContain('::warning file=journeys.mjs,line=5')
    github.pulls.set(7, { state: 'open', head: { sha: head, repo: { full_name: 'stranger/r' } } })
    const completed = {
      id: 5,
      head_sha: head,
      html_url: 'https://github.example/5',
      head_repository: { full_name: 'stranger/r' },
    }
    const published = await runJob({ 'from-fork': '.vigil' }, { workflow_run: completed })
    expect(published.isSuccess, published.log).toBe(true)
    expect(github.checks).toEqual([expect.objectContaining({ conclusion: 'neutral', head_sha: head })])
    expect(github.comments).toHaveLength(1)
  })

  it('takes no input as code', async () => {
    await checkOut()
    const bad = '$(touch pwned)"; touch pwned; `touch pwned` #'
    const job = await runJob({ config: bad, suites: bad, base: bad, command: 'gate' }, pullRequest('o/r'))
    expect([job.isSuccess, job.outputs['exit-code']], job.log).toEqual([false, '2'])
    const other = await runJob({ command: bad }, pullRequest('o/r'))
    expect([other.isSuccess, other.outputs['exit-code']], other.log).toEqual([false, '2'])
    expect(existsSync(join(workspace, 'pwned'))).toBe(false)
    expect(github.checks.map((check) => check['conclusion'])).toEqual(['failure', 'failure'])
  })

  it('without the history of the base and without an origin ends with 4 and how to mend it', async () => {
    await checkOut(200)
    renameSync(join(top, 'origin'), join(top, 'gone'))
    const job = await runJob({ command: 'ab', base: 'origin/main' }, pullRequest('o/r'))
    expect([job.isSuccess, job.outputs['exit-code']], job.log).toEqual([false, '4'])
    expect(JSON.stringify(github.checks)).toMatch(/not measured: .*fetch-depth: 0/)
  })

  it('keeps its verdict when GitHub is down', async () => {
    await checkOut()
    await github.close()
    const job = await runJob({}, pullRequest('o/r'))
    expect([job.outputs['verdict'], job.outputs['exit-code']], job.log).toEqual(['fail', '1'])
    expect(job.summary).toContain('FAIL')
    expect(readFileSync(join(workspace, '.vigil/publication.json'), 'utf8')).toContain('"fail"')
  })
})
