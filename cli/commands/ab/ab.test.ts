import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { lockTarget } from '../../../runtime/target/index.ts'
import { runProgram } from '../../program.ts'
import { runInWorld } from '../../testing/world.ts'
import type { Said } from '../../testing/world.ts'
import { abText, bisectText } from './text.ts'
import { reportPaths } from '../../shared/artefacts.ts'
import type { AbVerdict } from '../../shared/duet/files.ts'
import type { World } from '../../shared/world.ts'
import { findBase } from '../gate/duet.ts'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'vigil-ab-'))
  writeFileSync(
    join(folder, 'journeys.mjs'),
    "export default [{ name: 'home', steps: [{ name: 'get', request: () => ({ method: 'GET', path: " +
      "'/' }) }] }]\n",
  )
  const config = {
    target: { url: 'http://127.0.0.1:1' },
    journeys: './journeys.mjs',
    suites: {
      closed: { engine: 'autocannon', journeys: { home: 1 }, load: { connections: 1 }, durationSeconds: 1 },
      script: { engine: 'k6', script: 'own.js', load: { ratePerSecond: 1 }, durationSeconds: 1 },
    },
  }
  writeFileSync(join(folder, 'vigil.config.mjs'), `export default ${JSON.stringify(config)}\n`)
  writeFileSync(
    join(folder, 'rate.mjs'),
    'export default ' +
      `${JSON.stringify({
        ...config,
        suites: {
          open: { engine: 'k6', journeys: { home: 1 }, load: { ratePerSecond: 5 }, durationSeconds: 1 },
        },
      })}\n`,
  )
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

async function vigil(...args: string[]): Promise<Said> {
  return runInWorld(folder, async (world) => runProgram(args, world))
}

describe('what vigil ab refuses is one line, exit 2', () => {
  it.each([
    ['no base', ['ab', '--config', 'rate.mjs'], 'base: found none, expected a revision'],
    [
      'a URL and no other',
      ['ab', '--config', 'rate.mjs', 'http://127.0.0.1:1'],
      'candidate: found none, expected a URL',
    ],
    [
      'a revision and a URL',
      ['ab', '--config', 'rate.mjs', 'main', 'http://127.0.0.1:1'],
      'candidate: found a URL, expected a revision',
    ],
    [
      'a URL with a password',
      ['ab', '--config', 'rate.mjs', 'http://a:b@127.0.0.1:1', 'http://127.0.0.1:1'],
      'expected a URL without a user and password',
    ],
    [
      'no suite that can be played',
      ['ab', '--config', 'vigil.config.mjs', 'http://127.0.0.1:1', 'http://127.0.0.1:2'],
      'suites: found none with journeys at a rate',
    ],
    [
      'a script',
      ['ab', '--config', 'vigil.config.mjs', '--suite', 'script', '--', 'main'],
      'suite script is a k6 script',
    ],
    [
      'revisions of nothing that can be started',
      ['ab', '--config', 'rate.mjs', 'main'],
      'target.command: found none',
    ],
    [
      'an unknown rule',
      ['ab', '--config', 'rate.mjs', '--exact', 'rows=fewer', '--', 'main'],
      'option \'--exact <rule...>\': found "rows=fewer"',
    ],
    ...['--control', '--base-tip', '--target-base=http://127.0.0.1:1'].map(
      (option): [string, string[], string] => [
        `a bisect with ${option}`,
        ['ab', '--config', 'rate.mjs', '--bisect', 'main', 'HEAD', option],
        `option '--bisect <revision...>' cannot be used with option '${option.split('=')[0]}`,
      ],
    ),
    [
      'a bisect of one',
      ['ab', '--config', 'rate.mjs', '--bisect', 'main'],
      '--bisect: found 1 revision, expected two: a good one and a bad one, as in --bisect good bad',
    ],
  ])('%s', async (_what, args, message) => {
    const said = await vigil(...args)
    expect(said.code).toBe(2)
    expect(said.stderr).toContain(message)
    expect(
      said.stderr
        .trim()
        .split('\n')
        .filter((line) => line.startsWith('vigil:')),
    ).toHaveLength(1)
  })
})

describe('the base of a gate', () => {
  it.each([
    ['what was asked for', 'v1', { GITHUB_BASE_REF: 'main' }, { revision: 'v1', isRequired: true }],
    ["GitHub's", undefined, { GITHUB_BASE_REF: 'main' }, { revision: 'origin/main', isRequired: false }],
    [
      "GitLab's",
      undefined,
      { CI_MERGE_REQUEST_TARGET_BRANCH_NAME: 'next' },
      { revision: 'origin/next', isRequired: false },
    ],
    ['none where CI names none', undefined, { GITHUB_BASE_REF: '' }, undefined],
  ])('is %s', (_what, asked, env, expected) => {
    expect(findBase(asked, { env })).toEqual(expected)
  })
})

describe('a target that another process loads is exit 4, after waiting for it', () => {
  // The lock is by URL: no other test may have this one.
  const url = `http://lock-${process.pid}.invalid`
  it.each([
    ['ab', [url, 'http://127.0.0.1:2']],
    ['doctor', ['--noise', '--target', url]],
    ['load', []],
  ])('vigil %s', async (command, args) => {
    const suites = {
      open: { engine: 'k6', journeys: { home: 1 }, load: { ratePerSecond: 5 }, durationSeconds: 1 },
    }
    const config = { target: { url }, journeys: './journeys.mjs', suites }
    writeFileSync(join(folder, 'locked.mjs'), `export default ${JSON.stringify(config)}\n`)
    const locked = await lockTarget({
      url,
      folder: tmpdir(),
      pid: process.pid,
      signal: new AbortController().signal,
      timeoutMs: 0,
      waiting: () => undefined,
    })
    if (locked.state !== 'ok') throw new Error(`another process holds the lock of ${url}`)
    try {
      const { code, stdout, stderr } = await runInWorld(
        folder,
        async (world) => runProgram([command, '--config', 'locked.mjs', ...args], world),
        { env: process.env, lockPatienceMs: 500 },
      )
      expect(stderr).toContain(`process ${process.pid} is measuring ${url} already; waiting`)
      expect(stdout + stderr).toContain(`process ${process.pid} still measures ${url} after`)
      expect(code).toBe(4)
    } finally {
      await locked.lock.release()
    }
  })
})

function failedDuet(): AbVerdict {
  return {
    schema: 'vigil.verdict/1',
    verdict: 'fail',
    rows: [
      {
        rule: 'exact',
        step: 'task/list',
        metric: 'statements',
        status: 'fail',
        message: 'SQL statements 1 → 21',
      },
      { rule: 'comparison', step: null, metric: 'p50Ms', status: 'pass', message: 'p50 1 → 1.01 ms' },
    ],
    suite: 'browse-duet',
    sides: { baseline: 'main', candidate: 'the work \u001B[2Jtree' },
    duet: { pairs: 8, decidedSeconds: 20, loadSeconds: 20, processPairs: 1, wallSeconds: 40 },
    why: [
      {
        step: 'task/list',
        effect: 'SQL statements 1 → 21',
        moved: ['time in the database 1 ms → 9 ms a request'],
        traces: [{ traceId: '0af7651916cd43dd8448eb211c80319c', latencyMs: 91.2 }],
      },
    ],
    reproduce: 'vigil ab main',
    recompare: 'vigil compare --baseline a --candidate b',
    claims: ['suite browse: its owner: team-web'],
    noise: 'browse: noise of this machine',
    folder: '/somewhere',
    reports: reportPaths('/somewhere'),
  }
}

function worldOf(width: number): World {
  return {
    terminal: { stdoutIsTerminal: false, stderrIsTerminal: false, width, color: false },
    cwd: '/',
    env: {},
    pid: 1,
    stdout: () => undefined,
    stderr: () => undefined,
    now: () => 0,
    random: () => 0,
    interrupted: new AbortController().signal,
  }
}

it('says a fail first, where and why, and how to see it again', () => {
  const lines = abText(failedDuet(), worldOf(120), ['vigil ab main --pairs 48']).split('\n')
  expect(lines[0]).toMatch(
    /^FAIL {2}main → the work .*tree, browse-duet: worse in 1 of 2; 8 pairs in 20 s of load, 40 s in total/,
  )
  expect(lines.join('\n')).not.toContain('\u001B')
  expect(lines).toContain('  browse: noise of this machine')
  expect(lines.slice(1, 5)).toEqual([
    '  task/list: SQL statements 1 → 21',
    '    - time in the database 1 ms → 9 ms a request',
    '    - slowest traces: 0af7651916cd43dd8448eb211c80319c (91.2 ms)',
    '  FAIL          task/list: SQL statements 1 → 21',
  ])
  expect(lines).toContain('  suite browse: its owner: team-web')
  expect(lines).toContain('  Next: vigil ab main --pairs 48')
  expect(lines).toContain('  Repeat: vigil ab main')
  expect(lines).toContain('  Report: /somewhere/report.html')
})

it.each([40, 80])('breaks no command and no path at %i columns', (width) => {
  const reproduce = `vigil ab main --config ${'some/deep/folder/'.repeat(6)}vigil.config.ts --max-minutes 9`
  const recompare = `vigil compare --baseline ${'a'.repeat(60)}/b.jsonl --candidate ${'a'.repeat(60)}/c.jsonl`
  const place = `/home/some body/${'x'.repeat(90)}`
  const lines = abText({ ...failedDuet(), reproduce, recompare, folder: place }, worldOf(width), [
    reproduce,
  ]).split('\n')
  expect(lines).toContain(`  Next: ${reproduce}`)
  expect(lines).toContain(`  Repeat: ${reproduce}`)
  expect(lines).toContain(`  Judge the records again: ${recompare}`)
  expect(lines).toContain(`  Report: ${place}/report.html`)
})

it.each([
  [
    ['ab', '--config', 'c.ts', '--bisect', 'v1', 'HEAD', '--suite', 'a b', '--json'],
    "vigil ab 0123456789ab~1 0123456789ab --config c.ts --suite 'a b'",
  ],
  [['ab', '--bisect', 'v1', 'HEAD'], 'vigil ab 0123456789ab~1 0123456789ab'],
  [
    ['ab', '--bisect', 'v1', '--rate', '5', 'HEAD', '--json'],
    'vigil ab 0123456789ab~1 0123456789ab --rate 5',
  ],
  [
    ['ab', '--suite=a', 'HEAD', '--bisect=v1', '--strict'],
    'vigil ab 0123456789ab~1 0123456789ab --suite=a --strict',
  ],
  [['ab', '--suite', 's', '--bisect', 'v1', '--', 'HEAD'], 'vigil ab 0123456789ab~1 0123456789ab --suite s'],
])('a search as %j repeats the duet of its culprit with the options that were typed', (args, expected) => {
  const text = bisectText(
    {
      schema: 'vigil.bisect/1',
      good: 'v1',
      bad: 'HEAD',
      commits: 3,
      known: { rule: 'comparison', step: null, metric: 'p50Ms', ratio: 1.5, message: 'p50 is worse' },
      culprit: { state: 'found', commit: { sha: '0123456789abcdef', subject: 'slow it down' } },
      attempts: [],
      wallSeconds: 9,
    },
    { ...worldOf(120), args },
  )
  expect(text.split('\n')).toContain(`  Repeat: ${expected}`)
})
