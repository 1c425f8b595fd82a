import { Ajv2020 } from 'ajv/dist/2020.js'
import { describe, expect, it } from 'vitest'
import { countsOf, exampleRun, spread } from '../testing/examples/runs.ts'
import { checkComparableRun, parseRun } from './read.ts'
import { runJsonSchema } from './run.ts'
import { refusalLines } from '../testing/refusal.ts'

const whole = exampleRun({
  'task-crud/list': countsOf(spread(400, 1, 40)),
  'task-crud/create': countsOf(spread(400, 2, 60), { failedAnswers: 3, unanswered: 1 }),
})
const text = JSON.stringify(whole)

/** The record with one place changed, as text; `undefined` removes it. */
function changed(path: readonly (string | number)[], value: unknown): string {
  const copy: unknown = JSON.parse(text)
  let at: unknown = copy
  for (const key of path.slice(0, -1)) at = Reflect.get(Object(at), key)
  const last = path.at(-1) ?? ''
  if (value === undefined) Reflect.deleteProperty(Object(at), last)
  else Reflect.set(Object(at), last, value)
  return JSON.stringify(copy)
}

describe('reading a record', () => {
  it('gives back what was written', () => {
    expect(parseRun(text, 'record.json')).toEqual({ state: 'ok', run: whole })
  })

  it('keeps fields that it does not know', () => {
    const read = parseRun(changed(['later'], { a: [1] }), 'record.json')
    expect(read).toMatchObject({ state: 'ok', run: { later: { a: [1] } } })
  })

  const refused: [string, string, string][] = [
    ['cut off', text.slice(0, 300), 'record.json: not JSON'],
    ['empty', '', 'record.json: not JSON'],
    ['null', 'null', 'record.json: (top level): '],
    ['of a future schema', changed(['schema'], 'vigil.run/2'), 'record.json: schema: '],
    ['without totals', changed(['totals'], undefined), 'record.json: totals: '],
    [
      'with a text for a number',
      changed(['totals', 'latency', 'p95Ms'], '12'),
      'record.json: totals.latency.p95Ms: ',
    ],
    [
      'with a negative count',
      changed(['endpoints', 'task-crud/list', 'requests'], -1),
      'record.json: endpoints["task-crud/list"].requests: ',
    ],
    [
      'with bounds that fall',
      changed(
        ['endpoints', 'task-crud/list', 'histogram'],
        [
          [2, 1],
          [1, 1],
        ],
      ),
      'record.json: endpoints["task-crud/list"].histogram[1][0]: found 1 after 2',
    ],
    [
      'with half a sample',
      changed(['endpoints', 'task-crud/list', 'histogram'], [[2, 0.5]]),
      'record.json: endpoints["task-crud/list"].histogram[0][1]: ',
    ],
    [
      'with more samples than requests',
      changed(['endpoints', 'task-crud/list', 'requests'], 399),
      'holds 400 samples, expected at most its 399 requests',
    ],
    [
      'with fewer requests than its steps have',
      changed(['totals', 'requests'], 500),
      'totals.requests: found 500, expected at least the 801',
    ],
    ['with more errors than requests', changed(['totals', 'errors'], 900), 'totals.errors: found 900'],
    [
      'with an error rate that is not errors / requests',
      changed(['totals', 'errorRate'], 0),
      'totals.errorRate: found 0, expected errors / requests',
    ],
    [
      'with an impossible error rate',
      changed(['totals', 'errorRate'], 1.5),
      'record.json: totals.errorRate: ',
    ],
    ['without a date', changed(['startedAt'], 'yesterday'), 'record.json: startedAt: '],
  ]
  it.each(refused)('refuses one %s with its path, in one line', (_, damaged, problem) => {
    expect(refusalLines(parseRun(damaged, 'record.json'))).toEqual([expect.stringContaining(problem)])
  })

  it('never lets a number out of range through as NaN or Infinity', () => {
    expect(parseRun(text.replace('"durationMs":30000', '"durationMs":1e999'), 'r').state).toBe('invalid')
  })
})

describe('a record with schema, totals and endpoints alone', () => {
  const { schema, totals, endpoints } = whole
  it('is enough to compare, but not a whole record', () => {
    const least = JSON.stringify({ schema, totals, endpoints })
    expect(checkComparableRun(JSON.parse(least), 'r').state).toBe('ok')
    expect(parseRun(least, 'r').state).toBe('invalid')
  })
})

describe('the published JSON Schema', () => {
  it('agrees with the reader on every shape above, by another implementation', () => {
    const validate = new Ajv2020({ strict: false, validateFormats: false }).compile(runJsonSchema())
    expect(validate(JSON.parse(text))).toBe(true)
    for (const damaged of [
      changed(['schema'], 'vigil.run/2'),
      changed(['totals'], undefined),
      changed(['totals', 'errorRate'], 1.5),
      changed(['endpoints', 'task-crud/list', 'histogram'], [[2, 0.5]]),
    ]) {
      expect(validate(JSON.parse(damaged))).toBe(false)
    }
  })
})
