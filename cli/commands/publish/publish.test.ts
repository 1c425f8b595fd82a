import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Verdict, VerdictRow } from '../../../baselines/index.ts'
import { freePort } from '../../testing/service.ts'
import { runInWorld } from '../../testing/world.ts'
import type { Said } from '../../testing/world.ts'
import type { PublishOptions } from './command.ts'
import { publish } from './run.ts'
import { startFakeGitHub } from './testing/fake-github.ts'
import type { FakeGitHub } from './testing/fake-github.ts'
import { startRunningClock } from '../../../runtime/testing/running-clock.ts'

const [head, merge] = ['a'.repeat(40), 'b'.repeat(40)]
let github: FakeGitHub
let folder: string

beforeEach(async () => {
  github = await startFakeGitHub()
  folder = mkdtempSync(join(tmpdir(), 'vigil-publish-'))
  write(
    'vigil.config.mjs',
    [
      'export default {',
      "  target: { url: 'http://127.0.0.1:9' }, journeys: './journeys.mjs',",
      '  suites: {',
      "    browse: { engine: 'k6', journeys: { shop: 1 }, load: { ratePerSecond: 1 }, durationSeconds: 1 },",
      '  },',
      '}',
    ].join('\n'),
  )
  write('journeys.mjs', "import { steps } from './steps.mjs'\nexport default [{ name: 'shop', steps }]\n")
  write(
    'steps.mjs',
    "const request = () => ({ method: 'GET', path: '/' })\n" +
      "export const steps = [\n  { name: 'list', request },\n  { name: 'pay', request },\n]\n",
  )
})
afterEach(async () => {
  await github.close()
  rmSync(folder, { recursive: true, force: true })
  if (github.violations.length > 0) throw new Error(github.violations.join('\n'))
})

function write(name: string, text: string): string {
  writeFileSync(join(folder, name), text)
  return join(folder, name)
}

const row = (status: VerdictRow['status'], changes: Partial<VerdictRow> = {}): VerdictRow => ({
  rule: 'budget',
  suite: 'browse',
  step: null,
  metric: 'p95Ms',
  status,
  message: `p95 is ${status}`,
  ...changes,
})
const verdictOf = (...rows: VerdictRow[]): Verdict => {
  const [first] = rows
  const verdict = first?.status === 'improved' ? 'pass' : first?.status
  return { schema: 'vigil.verdict/1', verdict: verdict === 'skipped' ? 'pass' : (verdict ?? 'invalid'), rows }
}
const codes = { pass: 0, fail: 1, inconclusive: 3, invalid: 4 } as const

function pullRequest(from = 'o/r'): object {
  return { pull_request: { number: 7, head: { sha: head, repo: { full_name: from } } } }
}

function environment(event: object): NodeJS.ProcessEnv {
  return {
    CI: 'true',
    GITHUB_ACTIONS: 'true',
    GITHUB_API_URL: github.url,
    GITHUB_TOKEN: 'ghs_fake',
    GITHUB_REPOSITORY: 'o/r',
    GITHUB_SHA: merge,
    GITHUB_RUN_ID: '42',
    GITHUB_JOB: 'gate',
    GITHUB_WORKSPACE: folder,
    GITHUB_EVENT_PATH: write('event.json', JSON.stringify(event)),
    GITHUB_STEP_SUMMARY: join(folder, 'summary.md'),
    GITHUB_OUTPUT: join(folder, 'output'),
  }
}

const defaults: PublishOptions = {
  config: 'vigil.config.mjs',
  out: '.vigil',
  ciId: 'vigil',
  comment: 'on-change',
}

async function run(
  verdict: Verdict | undefined,
  options: Partial<PublishOptions> = {},
  event: object = pullRequest(),
): Promise<Said> {
  if (verdict) write('result.json', JSON.stringify(verdict))
  const exitCode = verdict ? codes[verdict.verdict] : undefined
  const all = { ...defaults, ...(exitCode !== undefined && { exitCode }), ...options }
  return runInWorld(folder, async (world) => publish(verdict && 'result.json', all, world), {
    env: environment(event),
  })
}

const read = (name: string): string => readFileSync(join(folder, name), 'utf8')
const bodies = (): string[] => github.comments.map(({ body }) => String(body))

describe('a result', () => {
  it('is a check in progress, then completed, with its rows on the lines of the steps', async () => {
    await run(undefined, { begin: true })
    expect(github.checks).toEqual([expect.objectContaining({ status: 'in_progress', head_sha: head })])
    const clock = startRunningClock()
    const said = await run(
      verdictOf(
        row('fail', { step: 'shop/pay', message: 'p95 712 ms' }),
        row('inconclusive', { step: 'shop/list' }),
        row('fail', { suite: 'browse-duet' }),
        row('pass'),
      ),
    )
    expect(clock.elapsedMs()).toBeLessThan(2000)
    expect([said.code, said.stdout]).toEqual([0, ''])
    expect(github.checks).toHaveLength(1)
    expect(github.checks[0]).toMatchObject({
      status: 'completed',
      conclusion: 'failure',
      output: {
        title: 'fail: browse, shop/pay: p95 712 ms',
        annotations: [
          { path: 'steps.mjs', start_line: 4, annotation_level: 'failure' },
          { path: 'vigil.config.mjs', start_line: 4, annotation_level: 'failure' },
          { path: 'steps.mjs', start_line: 3, annotation_level: 'warning' },
        ],
      },
    })
    expect(bodies()).toEqual([expect.stringMatching(/^<!-- vigil:vigil fail -->\n## vigil/)])
    expect(read('summary.md')).toContain('p95 712 ms')
    expect(read('output').split('\n')).toEqual(
      expect.arrayContaining(['verdict=fail', 'exit-code=1', 'rows-failed=2', 'rows-inconclusive=1']),
    )
  })

  it.each([
    [verdictOf(row('pass')), {}, 'success', /^pass/],
    [verdictOf(row('inconclusive')), {}, 'neutral', /^inconclusive/],
    [verdictOf(row('invalid')), {}, 'failure', /^not measured: .*p95 is invalid/],
    [verdictOf(row('fail')), { mode: 'advisory', exitCode: 0 }, 'neutral', /^advisory, fail/],
    [verdictOf(row('invalid')), { mode: 'advisory' }, 'failure', /^not measured/],
    [undefined, { exitCode: 2 }, 'failure', /^not measured: the command line/],
    [undefined, { exitCode: 137 }, 'failure', /^not measured: no result/],
    [undefined, { exitCode: 143 }, 'cancelled', /^interrupted/],
    [undefined, { exitCode: 0 }, 'failure', /^not measured/],
    [verdictOf(row('fail')), { exitCode: 0 }, 'failure', /^not measured/],
    [verdictOf(row('pass')), { exitCode: 4 }, 'failure', /^not measured/],
  ] as const)('%o with %o is %s', async (verdict, options, conclusion, title) => {
    await run(verdict, options)
    expect(github.checks).toEqual([
      expect.objectContaining({
        conclusion,
        output: expect.objectContaining({ title: expect.stringMatching(title) }),
      }),
    ])
  })

  it('of a probe is judged and shown', async () => {
    const probe = {
      name: 'shop',
      outcome: 'down',
      startedAt: '2026-01-01T00:00:00.000Z',
      durationMs: 5,
      attempts: 1,
      steps: [],
    }
    write('probes.json', JSON.stringify({ schema: 'vigil.probes/1', probes: [probe] }))
    await runInWorld(folder, async (world) => publish('probes.json', { ...defaults, exitCode: 1 }, world), {
      env: environment(pullRequest()),
    })
    expect(github.checks[0]).toMatchObject({ conclusion: 'failure' })
    expect(bodies()[0]).toContain('shop')
  })

  it('of ten thousand rows keeps to the limits of GitHub', async () => {
    const rows = Array.from({ length: 10_000 }, (_, index) =>
      row(index < 5000 ? 'inconclusive' : 'fail', {
        step: 'shop/pay',
        message: `p95 ${index} ${'x'.repeat(200)}`,
      }),
    )
    await run({ schema: 'vigil.verdict/1', verdict: 'fail', rows })
    const [check] = github.checks
    expect(check).toMatchObject({ output: { annotations: { length: 50 } } })
    expect(JSON.stringify(check)).not.toContain('p95 0 ')
    expect(bodies()[0]?.length).toBeGreaterThan(50_000)
    expect(bodies()[0]?.length).toBeLessThanOrEqual(65_536)
    expect(Buffer.byteLength(read('summary.md'))).toBeLessThanOrEqual(2 ** 20)
  })
})

describe('the comment', () => {
  const filler = (count: number): void => {
    for (let index = 0; index < count; index += 1) github.addComment(`comment ${index}`)
  }

  it('is found on the last of three pages and updated, never written twice', async () => {
    filler(230)
    await run(verdictOf(row('fail')))
    expect(github.comments).toHaveLength(231)
    filler(5)
    await run(verdictOf(row('inconclusive')))
    expect(bodies().filter((body) => body.includes('vigil:vigil'))).toEqual([
      expect.stringContaining('vigil:vigil inconclusive'),
    ])
  })

  it('of another check, of a stranger or in a quotation is left alone', async () => {
    github.addComment('<!-- vigil:other fail -->\nother')
    github.addComment('<!-- vigil:vigil fail -->\nnot ours', { type: 'User', role: 'CONTRIBUTOR' })
    github.addComment('> <!-- vigil:vigil fail -->\nquoted')
    await run(verdictOf(row('fail')))
    expect(bodies()).toHaveLength(4)
    expect(bodies()[1]).toContain('not ours')
  })

  it('that two jobs wrote at the same time is one again', async () => {
    github.fault = ({ method, path }) => {
      if (method === 'POST' && path.endsWith('/comments'))
        github.addComment('<!-- vigil:vigil fail -->\nthe other job')
      return undefined
    }
    await run(verdictOf(row('fail')))
    expect(bodies()).toEqual([expect.stringContaining('p95 is fail')])
  })

  it.each([
    ['on-change', [verdictOf(row('pass'))], []],
    ['on-change', [verdictOf(row('improved'))], ['improved']],
    ['on-change', [verdictOf(row('fail')), verdictOf(row('pass'))], ['pass']],
    ['always', [verdictOf(row('pass'))], ['pass']],
    ['never', [verdictOf(row('fail'))], []],
  ] as const)('with %s after %o says %o', async (comment, verdicts, words) => {
    for (const verdict of verdicts) await run(verdict, { comment })
    expect(bodies().map((body) => /^<!-- vigil:vigil (\S+)/.exec(body)?.[1])).toEqual(words)
  })

  it('of a pass after a pass is not touched', async () => {
    await run(verdictOf(row('fail')))
    await run(verdictOf(row('pass')))
    const before = github.requests.length
    await run(verdictOf(row('pass')))
    expect(github.requests.slice(before).filter((name) => name.includes('issues/comments'))).toEqual([])
  })
})

describe('a code host that fails', () => {
  const warnings = (said: Said): string[] =>
    said.stderr.split('\n').filter((line) => line.startsWith('vigil: '))

  it.each([
    ['429 with Retry-After', { status: 429, headers: { 'retry-after': '0' } }],
    [
      '403 with Retry-After',
      { status: 403, headers: { 'retry-after': '0' }, message: 'secondary rate limit' },
    ],
    [
      '403 without a request left',
      { status: 403, headers: { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '0' } },
    ],
    ['500', { status: 500 }],
    ['502 after it did what was asked', { status: 502, isDone: true }],
  ])('once by %s is asked again, and nothing is written twice', async (_, answer) => {
    github.fault = ({ count }) => (count === 1 ? answer : undefined)
    const said = await run(verdictOf(row('fail')))
    expect(warnings(said)).toEqual([])
    expect(github.checks).toEqual([expect.objectContaining({ status: 'completed' })])
    expect(bodies()).toEqual([expect.stringContaining('vigil:vigil fail')])
  })

  it.each([
    ['forbids', { status: 403, message: 'Resource not accessible by integration' }],
    ['asks to wait for an hour', { status: 429, headers: { 'retry-after': '3600' } }],
  ])('and %s costs one warning: the summary and the annotations are there', async (_, answer) => {
    github.fault = () => answer
    const said = await run(verdictOf(row('fail', { step: 'shop/pay', message: 'p95\n::error::x 50 %' })))
    expect(said.code).toBe(0)
    expect(warnings(said)).toHaveLength(1)
    expect(said.stderr).toContain(String(answer.status))
    expect(said.stderr).not.toContain('ghs_fake')
    expect(read('summary.md')).toContain('FAIL')
    expect(said.stdout).toMatch(/^::error file=steps.mjs,line=4,title=vigil%3A fail%2C browse::\S.*50 %25\n$/)
  })

  it('because nothing listens costs one warning', async () => {
    const port = await freePort()
    await github.close()
    github.url = `http://127.0.0.1:${port}`
    const said = await run(verdictOf(row('fail')))
    expect(said.code).toBe(0)
    expect(warnings(said)).toEqual([expect.stringContaining('ECONNREFUSED')])
    expect(read('summary.md')).toContain('FAIL')
  })
})

describe('a fork', () => {
  const completed = {
    workflow_run: {
      id: 5,
      head_sha: head,
      html_url: 'https://github.example/o/r/runs/5',
      head_repository: { full_name: 'stranger/r' },
    },
  }
  const pull = (changes: object = {}): object => ({
    state: 'open',
    head: { sha: head, repo: { full_name: 'stranger/r' } },
    ...changes,
  })
  const fromFork = '.vigil'
  const forge = (changes: (document: Record<string, unknown>) => void): void => {
    const document = JSON.parse(read('.vigil/publication.json')) as Record<string, unknown>
    changes(document)
    write('.vigil/publication.json', JSON.stringify(document))
  }

  it('only leaves its artefact, which another workflow publishes on its commit', async () => {
    const said = await run(verdictOf(row('fail', { step: 'shop/pay' })), {}, pullRequest('stranger/r'))
    expect(github.requests).toEqual([])
    expect(said.stdout).toContain('::error file=steps.mjs,line=4')
    github.pulls.set(7, pull())
    await run(undefined, { fromFork }, completed)
    expect(github.checks).toEqual([
      expect.objectContaining({
        head_sha: head,
        conclusion: 'failure',
        output: expect.objectContaining({ annotations: [expect.objectContaining({ path: 'steps.mjs' })] }),
      }),
    ])
    expect(bodies()).toEqual([expect.stringContaining('runs the code of a fork')])
  })

  it.each([
    ['at another commit', pull({ head: { sha: merge, repo: { full_name: 'stranger/r' } } })],
    ['of another repository', pull({ head: { sha: head, repo: { full_name: 'victim/r' } } })],
    ['that is closed', pull({ state: 'closed' })],
    ['that does not exist', undefined],
  ])('cannot comment on a pull request %s', async (_, found) => {
    await run(verdictOf(row('fail')), {}, pullRequest('stranger/r'))
    if (found) github.pulls.set(7, found)
    const said = await run(undefined, { fromFork }, completed)
    expect(said.stderr).toContain('the comment: ')
    expect([bodies(), github.checks.length]).toEqual([[], 1])
  })

  it('cannot write Markdown, mentions or links', async () => {
    const message = '@octocat [x](https://evil.example) <img src=x> </details> ![y](z)'
    await run(verdictOf(row('fail', { message })), {}, pullRequest('stranger/r'))
    github.pulls.set(7, pull())
    await run(undefined, { fromFork }, completed)
    expect(bodies()[0]).not.toMatch(/@octocat|\]\(https:\/\/evil|<img|!\[y/)
  })

  it.each([
    [
      'a path outside',
      (one: Record<string, unknown>) =>
        (one['annotations'] = [{ path: 'a/../../x', line: 1, level: 'failure', title: '', message: '' }]),
    ],
    [
      'an absolute path',
      (one: Record<string, unknown>) =>
        (one['annotations'] = [{ path: '/etc/passwd', line: 1, level: 'failure', title: '', message: '' }]),
    ],
    [
      'too many annotations',
      (one: Record<string, unknown>) =>
        (one['annotations'] = Array.from({ length: 51 }, () => ({
          path: 'x',
          line: 1,
          level: 'failure',
          title: '',
          message: '',
        }))),
    ],
    ['another check', (one: Record<string, unknown>) => (one['id'] = 'deploy')],
    ['a number that is none', (one: Record<string, unknown>) => (one['pullRequest'] = '7/../8')],
    [
      'a huge text',
      (one: Record<string, unknown>) =>
        (one['verdict'] = verdictOf(row('fail', { message: 'x'.repeat(3000) }))),
    ],
    ['a huge file', (one: Record<string, unknown>) => (one['schema'] = 'x'.repeat(3_000_000))],
  ])('cannot publish %s', async (_, change) => {
    await run(verdictOf(row('fail')), {}, pullRequest('stranger/r'))
    forge(change)
    await expect(run(undefined, { fromFork }, completed)).rejects.toThrow(/publication\.json/)
    expect(github.requests).toEqual([])
  })

  it('cannot make the publisher read another file, or publish without its event', async () => {
    await run(verdictOf(row('fail')), {}, pullRequest('stranger/r'))
    const elsewhere = mkdtempSync(join(folder, 'artefact-'))
    symlinkSync(join(folder, '.vigil/publication.json'), join(elsewhere, 'publication.json'))
    await expect(run(undefined, { fromFork: elsewhere }, completed)).rejects.toThrow(/no such file/)
    await expect(run(undefined, { fromFork }, pullRequest())).rejects.toThrow(/workflow_run/)
  })

  it('that says pass and exits with another code is not measured', async () => {
    await run(verdictOf(row('pass')), {}, pullRequest('stranger/r'))
    forge((one) => (one['exitCode'] = 1))
    github.pulls.set(7, pull())
    await run(undefined, { fromFork }, completed)
    expect(github.checks[0]).toMatchObject({ conclusion: 'failure' })
  })
})
