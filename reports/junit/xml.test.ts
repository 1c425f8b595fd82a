import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { examples, hostileText } from '../testing/examples/index.ts'
import type { VerdictRow } from '../../baselines/index.ts'
import { anyText } from '../../record/testing/any-text.ts'
import { element, escapeXml, junitReport } from './report.ts'
import { readXml } from './testing/read-xml.ts'

const declaration = '<?xml version="1.0" encoding="UTF-8"?>\n'
const textOrMarkup = fc.oneof(
  anyText,
  fc
    .array(
      fc.constantFrom(
        '&',
        '<',
        '>',
        '"',
        "'",
        ']]>',
        '<!--',
        '\u0000',
        '\u001b',
        '\ufffe',
        '\ud800',
        '\t',
        '\n',
        '\r',
        '&#0;',
        '&amp;',
        'a',
      ),
    )
    .map((parts) => parts.join('')),
)
/** The text as XML 1.0 can represent it. */
function sayable(text: string): string {
  return text
    .toWellFormed()
    .replaceAll(/[\p{Cc}\ufffe\uffff]/gu, (character) =>
      (character >= '\u007f' && character <= '\u009f') || '\t\n\r'.includes(character) ? character : '\ufffd',
    )
}

describe('text in XML', () => {
  it('is read back unchanged from attributes and elements, except for what XML 1.0 cannot represent', () => {
    fc.assert(
      fc.property(textOrMarkup, (text) => {
        const read = readXml(declaration + element('a', { b: text }, [escapeXml(text) || '<c/>']))
        expect(read.attributes['b']).toBe(sayable(text))
        if (text !== '') expect(read.text).toBe(`\n${sayable(text)}\n`)
      }),
      { numRuns: 500 },
    )
  })
})

it('cases share the time of their run, and a fail says its message once', () => {
  const input = examples['slow']?.() ?? expect.unreachable()
  const report = junitReport(input)
  const cases = readXml(report).children.flatMap(({ children }) => children)
  const seconds = input.runs.reduce((sum, { run }) => sum + run.durationMs / 1000, 0)
  const ofRuns = cases.filter(({ attributes }) => attributes['classname'] !== 'vigil.probes')
  expect(ofRuns.reduce((sum, { attributes }) => sum + Number(attributes['time']), 0)).toBeCloseTo(seconds, 1)
  const failures = cases.flatMap(({ children }) => children.filter(({ name }) => name === 'failure'))
  expect(failures.length).toBeGreaterThan(0)
  for (const { attributes, text } of failures)
    if (text.trim() !== attributes['message']) expect(text).not.toContain(attributes['message'])
})

describe('the names of test cases', () => {
  const row = (
    rule: string,
    metric: string,
    step: string | null,
    status: VerdictRow['status'],
  ): VerdictRow => ({
    rule,
    metric,
    step,
    status,
    ...(rule !== 'probe' && { suite: 'browse' }),
    message: '',
  })
  const namesOf = (rows: VerdictRow[]): (string | undefined)[] => {
    const verdict = { schema: 'vigil.verdict/1', verdict: 'fail', rows } as const
    const read = readXml(junitReport({ title: 'a', verdict, runs: [], notes: [], vigilVersion: '1' }))
    return read.children.flatMap(({ attributes: suite, children }) =>
      children.map(({ attributes }) => `${suite['name']}: ${attributes['name']}`),
    )
  }

  it('have the rule, so that a fail is not taken for a retry of the pass of the same figure', () => {
    const rows = [row('budget', 'p95Ms', 'shop/list', 'pass'), row('baseline', 'p95Ms', 'shop/list', 'fail')]
    expect(namesOf([...rows, row('threshold', 'threshold', null, 'fail')])).toEqual([
      'browse: budget: p95 of shop/list',
      'browse: baseline: p95 of shop/list',
      'browse: threshold',
    ])
  })

  it('are unique in a file, whatever the rows are', () => {
    const names = ['a', 'a (2)', '\u0001', '\u0002', 'x'.repeat(200), `${'x'.repeat(200)}y`]
    const texts = fc.constantFrom(...names)
    const rows = fc.array(fc.tuple(fc.constantFrom('probe', 'budget', 'a'), texts, fc.option(texts)))
    fc.assert(
      fc.property(rows, (all) => {
        const found = namesOf(all.map(([rule, metric, step]) => row(rule, metric, step, 'fail')))
        expect(new Set(found).size).toBe(found.length)
        expect(found.length).toBe(Math.max(1, all.length))
      }),
    )
  })
})

describe('the reader of these tests', () => {
  const refused = {
    'a character that XML 1.0 forbids': ['<a>\u0001</a>', '<a>\ud800</a>'],
    'no reference': ['<a>&#1;</a>', '<a>&</a>', '<a>&nbsp;</a>'],
    'Expected closing tag': ['<a><b></a></b>'],
    'Unclosed tag': ['<a>'],
    'is repeated': ['<a b="1" b="2"/>'],
    'no tag': ['<a b="<"/>'],
    'not exactly one element': ['<a/><b/>', '<a/>x'],
    ']]> in text': ['<a>]]></a>'],
  }
  it.each(Object.entries(refused))('refuses with "%s": %j', (reason, documents) => {
    for (const text of documents) expect(() => readXml(declaration + text), text).toThrow(reason)
  })

  it('reads what is well-formed', () => {
    expect(readXml(`${declaration}<a b="1 &quot;">x<c/>&#10;</a>\n`)).toEqual({
      name: 'a',
      attributes: { b: '1 "' },
      text: 'x\n',
      children: [{ name: 'c', attributes: {}, text: '', children: [] }],
    })
    expect(() => readXml(declaration + escapeXml(hostileText))).toThrow('not exactly one element')
  })
})
