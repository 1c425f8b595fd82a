import { describe, expect, it } from 'vitest'
import { countsOf, exampleRun, spread } from '../../record/testing/examples/runs.ts'
import { refusalLines } from '../../record/testing/refusal.ts'
import { checkRuns, parseRuns } from './compare-runs.ts'

const run = exampleRun({ a: countsOf(spread(100, 1, 9), { failedAnswers: 2, unanswered: 1 }) })
const text = JSON.stringify(run)

describe('a text of records', () => {
  it.each([
    ['one', text, 1],
    ['one over several lines', JSON.stringify(run, null, 2), 1],
    ['an array', JSON.stringify([run, run]), 2],
    ['one a line', `${text}\n${text}\n\n${text}\n`, 3],
  ])('%s', (_, given, count) => {
    const parsed = parseRuns(given, 'f.json')
    expect(parsed.state === 'ok' && parsed.runs.length).toBe(count)
  })

  const damaged = (change: (copy: typeof run) => void): string => {
    const copy = structuredClone(run)
    change(copy)
    return JSON.stringify(copy)
  }
  const list = (copy: typeof run): NonNullable<(typeof run.endpoints)[string]> =>
    copy.endpoints['a'] ?? (Object.values(copy.endpoints)[0] as NonNullable<(typeof run.endpoints)[string]>)
  it.each([
    ['nothing', '', 'f.json: not JSON'],
    ['a record cut off', text.slice(0, 500), 'f.json: not JSON'],
    ['a pretty record cut off', JSON.stringify(run, null, 2).slice(0, 500), 'f.json: not JSON'],
    ['null', 'null', 'f.json: (top level): '],
    ['NaN', text.replace('"durationMs":30000', '"durationMs":NaN'), 'f.json: not JSON'],
    ['a bad second line', `${text}\n{"schema":"vigil.run/1"}\n`, 'f.json:2: totals: '],
    ['a bad third element', JSON.stringify([run, run, 7]), 'f.json[2]: (top level): '],
    [
      'a negative count',
      damaged((copy) => (list(copy).histogram = [[1, -4]])),
      'f.json: endpoints.a.histogram[0][1]: ',
    ],
    [
      'bounds that fall',
      damaged(
        (copy) =>
          (list(copy).histogram = [
            [3, 50],
            [2, 50],
          ]),
      ),
      'f.json: endpoints.a.histogram[1][0]: found 2 after 3',
    ],
    [
      'samples without a request',
      damaged((copy) => (list(copy).histogram = [[3, 5000]])),
      'holds 5000 samples, expected at most its 101 requests',
    ],
    [
      'answers that are missing',
      damaged((copy) => (list(copy).histogram = [[3, 5]])),
      'holds 5 samples, expected at least the 98 requests that did not fail',
    ],
    [
      'fewer errors than its steps have',
      damaged((copy) => Object.assign(copy.totals, { errors: 0, errorRate: 0 })),
      'totals.errors: found 0, expected at least the 3',
    ],
    [
      'a rate that is not errors / requests',
      damaged((copy) => Object.assign(copy.totals, { errorRate: 0.5 })),
      'totals.errorRate: found 0.5',
    ],
    [
      'percentiles that fall',
      damaged((copy) => Object.assign(copy.totals.latency, { p95Ms: 1 })),
      'totals.latency.p95Ms: found 1, expected at least its p90Ms',
    ],
  ])('refuses %s with file and place, in one line', (_, given, problem) => {
    expect(refusalLines(parseRuns(given, 'f.json'))).toEqual([expect.stringContaining(problem)])
  })
})

it('a failed request may be missing from a histogram', () => {
  const copy = structuredClone(run)
  Object.assign(copy.endpoints, { a: { ...copy.endpoints['a'], histogram: [[9, 98]] } })
  expect(checkRuns([copy], 'f').state).toBe('ok')
})

it.each([
  [null, 'found null'],
  [{}, 'found object'],
  [undefined, 'found undefined'],
])('%j is no array of records', (value, says) => {
  expect(checkRuns(value, 'f: baseline')).toMatchObject({
    state: 'invalid',
    problem: expect.stringContaining(`f: baseline: ${says}`),
  })
})
