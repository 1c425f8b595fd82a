import { describe, expect, it } from 'vitest'
import { readReport } from './report.ts'
import type { SpecRun } from './report.ts'

const ok = {
  status: 'passed',
  duration: 30,
  errors: [],
  steps: [
    { title: 'opens the page', duration: 20 },
    { title: 'a/b "c"', duration: 5 },
  ],
}
const message = (text: string) => ({ message: `Error: \u001B[31m${text}\u001B[39m` })
const failed = (text: string) => ({
  status: 'failed',
  duration: 30,
  errors: [message(text)],
  steps: [{ title: 'opens', duration: 20, error: message(text) }],
  attachments: [{ name: 'trace', path: '/scratch/trace.zip' }],
})

function read(tests: { status: string; results: unknown[] }[], errors: unknown[] = []): SpecRun {
  const specs = tests.map((test, index) => ({ title: `test ${index}`, tests: [test] }))
  return readReport(JSON.stringify({ suites: [{ suites: [{ specs }] }], errors }), (text) =>
    text.replaceAll('canary', '-'),
  )
}

describe("Playwright's report", () => {
  it('gives the steps that a spec names, by names that can be metric labels', () => {
    expect(read([{ status: 'expected', results: [ok] }])).toMatchObject({
      state: 'ok',
      durationMs: 25,
      attempts: 1,
      failed: undefined,
      steps: [
        { step: 'opens-the-page', ok: true, durationMs: 20 },
        { step: 'a-b-c', ok: true },
      ],
    })
  })

  it('gives the tests if a spec has no steps, and distinguishes several tests', () => {
    const bare = { ...ok, steps: [] }
    expect(read([{ status: 'expected', results: [bare] }])).toMatchObject({
      steps: [{ step: 'test-0', ok: true, durationMs: 30 }],
    })
    expect(
      read([
        { status: 'expected', results: [ok] },
        { status: 'expected', results: [bare] },
      ]),
    ).toMatchObject({
      steps: [{ step: 'test-0.opens-the-page' }, { step: 'test-0.a-b-c' }, { step: 'test-1' }],
    })
  })

  it('names the step that failed, in one line without colours and secrets', () => {
    expect(read([{ status: 'unexpected', results: [failed('found\ncanary')] }])).toMatchObject({
      state: 'ok',
      failed: { step: 'opens', class: 'check', message: 'found -' },
      artefacts: [{ name: 'trace', path: '/scratch/trace.zip' }],
    })
  })

  it('names the test where it failed outside of its steps', () => {
    const outside = { ...ok, status: 'failed', errors: [message('broke')] }
    expect(read([{ status: 'unexpected', results: [outside] }])).toMatchObject({
      failed: { step: 'test-0', message: 'broke' },
      steps: [{ ok: true }, { ok: true }, { ok: false }],
    })
  })

  it('a test that passed on a retry passed, and the earlier failure is reported', () => {
    expect(read([{ status: 'flaky', results: [failed('first'), ok] }])).toMatchObject({
      state: 'ok',
      attempts: 2,
      failed: undefined,
      earlier: [{ step: 'opens', message: 'first' }],
      artefacts: [],
    })
  })

  it.each([
    ['page.goto: net::ERR_NAME_NOT_RESOLVED at http://x', 'dns'],
    ['page.goto: net::ERR_CONNECTION_REFUSED at http://x', 'connect'],
    ['page.goto: net::ERR_CERT_DATE_INVALID at https://x', 'tls'],
    ['page.goto: net::ERR_TOO_MANY_REDIRECTS at http://x', 'redirect'],
    ['page.goto: net::ERR_CONNECTION_TIMED_OUT at http://x', 'timeout'],
    ['Test timeout of 5000ms exceeded.', 'timeout'],
    ['expect(received).toBe(expected)', 'check'],
  ])('%s is of class %s', (text, expected) => {
    expect(read([{ status: 'unexpected', results: [failed(text)] }])).toMatchObject({
      failed: { class: expected },
    })
  })

  it.each([
    ['no tests', read([]), 'the spec ran no test'],
    [
      'only skipped tests',
      read([{ status: 'skipped', results: [{ status: 'skipped', duration: 0 }] }]),
      'the spec ran no test',
    ],
    [
      'a spec that cannot be loaded',
      read([], [message('Cannot find module x')]),
      'the spec could not run: Cannot find module x',
    ],
    [
      'no browser',
      read([
        { status: 'unexpected', results: [failed("browserType.launch: Executable doesn't exist at /x")] },
      ]),
      "no browser could be started on this machine: browserType.launch: Executable doesn't exist at /x",
    ],
    [
      'no browser, for a reason that the search gives',
      readReport(
        JSON.stringify({
          suites: [
            {
              specs: [
                {
                  title: 'page',
                  tests: [{ status: 'unexpected', results: [failed('browserType.launch: no such file')] }],
                },
              ],
            },
          ],
          config: { metadata: { missingBrowser: 'VIGIL_BROWSER names /x' } },
        }),
        (text) => text,
      ),
      'no browser could be started on this machine: VIGIL_BROWSER names /x',
    ],
    [
      'an interruption',
      read([{ status: 'unexpected', results: [{ status: 'interrupted', duration: 1 }] }]),
      'interrupted before it was done',
    ],
    ['no report', readReport('{', (text) => text), 'Playwright wrote no readable report'],
    [
      'a report of another shape',
      readReport('{"suites":7}', (text) => text),
      'Playwright wrote no readable report',
    ],
  ])('with %s it says nothing of the target', (_what, run, reason) => {
    expect(run).toMatchObject({
      state: 'unavailable',
      reason: typeof reason === 'string' ? reason : expect.stringMatching(reason),
    })
  })
})
