import fc from 'fast-check'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { examples, gateOf, hostileText, runReport } from './testing/examples/index.ts'
import type { ReportInput } from './input.ts'
import { junitReport } from './junit/index.ts'
import { allOf, readXml } from './junit/testing/read-xml.ts'
import { markdownReport, maxCharacters } from './markdown/index.ts'
import { documentProblems, shown } from './markdown/testing/markdown.ts'
import { openMetricsReport } from './prometheus/index.ts'
import { readOpenMetrics } from './prometheus/testing/exposition.ts'
import { terminalReport } from './terminal/index.ts'
import { measureWidth } from './terminal/paper.ts'
import { verdictJson } from './files.ts'
import { listBrokenRows, cleanText } from './wording/index.ts'

const widths = [1, 40, 60, 80, 100, 120, 300]
const terminal =
  (width: number, color = false) =>
  (input: ReportInput) =>
    terminalReport(input, { width, color })
const json = (input: ReportInput): string => verdictJson(input.verdict)

const reports: Record<string, (input: ReportInput) => string> = {
  'terminal, 40 columns': terminal(40),
  'terminal, 100 columns, coloured': (input) => stripColour(terminal(100, true)(input)),
  markdown: (input) => markdownReport(input),
  junit: junitReport,
  'verdict.json': json,
  'metrics.prom': openMetricsReport,
}
// Each twice: the same input need not be the same object.
const everyExample = Object.entries(examples).map(
  ([name, make]) => [name, frozen(make()), frozen(make())] as const,
)

/** A report that writes to what it was given fails immediately. */
function frozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value)
    for (const part of Object.values(value)) frozen(part)
  }
  return value
}

function stripColour(text: string): string {
  return text.replaceAll(/\p{Cc}\[(?:0|1|2|32|33|1;31)m/gu, '')
}

/** Paths, URLs and commands are never broken over lines, because they are copied. */
function isForCopying(line: string): boolean {
  const copied = line.replace(/^\s*(?:[\w ]+: |- |[A-Z]+ {2,})?/, '')
  return /^(?:vigil [a-z]|[("'`]?[\w.~@:-]*\/[\w.@%+=:~/[\]-]*[)"'`.,;:]*$)/.test(copied)
}

/** A text without what layout adds: line ends and spaces. */
function dense(text: string): string {
  return text.replaceAll(/\s/g, '')
}

afterEach(() => void vi.restoreAllMocks())

describe.each(Object.entries(reports))('%s', (name, report) => {
  it.each(everyExample)(
    'is the same text for the same input, without clock or chance: %s',
    (_, one, other) => {
      const never = (): never => {
        throw new Error('a report asked for the time or for chance')
      }
      vi.spyOn(Date, 'now').mockImplementation(never)
      vi.spyOn(Math, 'random').mockImplementation(never)
      expect(report(one)).toBe(report(other))
    },
  )

  it.each(everyExample)(
    'lets no control or direction character, broken surrogate or secret through: %s',
    (_, input) => {
      const text = report(input)
      // Markdown breaks mentions and links with a space of no width, which is its own.
      const visible = name === 'markdown' ? text.replaceAll('\u200b', '') : text
      expect(visible.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u)
      expect(text).not.toContain('canary')
    },
  )

  it.each(everyExample)('has a bounded size: %s', (_, input) => {
    const rows = input.verdict.rows.length
    const bytes = Buffer.byteLength(report(input))
    if (name === 'verdict.json') expect(bytes).toBeLessThan(1000 + JSON.stringify(input.verdict).length * 6)
    else if (name.startsWith('terminal')) expect(bytes).toBeLessThan(40_000)
    else expect(bytes).toBeLessThan(1_000_000 + rows * 4000)
  })
})

describe.each(everyExample)('of example %s', (_, input) => {
  const broken = listBrokenRows(input.verdict)

  it('every row that did not pass is in the terminal with its message, or counted', () => {
    const text = dense(terminal(100)(input))
    for (const row of broken.slice(0, 12)) expect(text).toContain(dense(cleanText(row.message)))
    if (broken.length > 12) expect(text).toContain(`…and${broken.length - 12}more`)
  })

  it('the terminal says first what broke, with its value, and then what to do', () => {
    const text = terminal(100)(input)
    const [first = '', second = ''] = text.split('\n')
    expect(first.startsWith(`${input.verdict.verdict.toUpperCase()}  `)).toBe(true)
    const [worst] = broken
    const tables = input.runs[0] ? text.indexOf('\n\n') : text.length
    const head = dense(text.slice(0, tables))
    if (worst) {
      // The title takes a second line only when it is long.
      if (input.title.length < 60)
        expect(second.trimStart().startsWith(worst.status.toUpperCase())).toBe(true)
      expect(head).toContain(dense(cleanText(worst.message)))
    }
    expect(head.includes('Next:')).toBe(input.verdict.verdict !== 'pass')
  })

  it.each(widths)(
    'no line is wider than a terminal of %i columns, coloured or not, nor a command to a CI runner',
    (width) => {
      const text = terminal(width)(input)
      const most = Math.min(Math.max(width, 40), 120)
      expect(text.split('\n').filter((line) => measureWidth(line) > most && !isForCopying(line))).toEqual([])
      // What GitHub's runner would obey: a message is not to annotate, mask or stop anything.
      expect(text).not.toMatch(/^\s*::.*::|##\[/m)
      expect(stripColour(terminal(width, true)(input))).toBe(text)
    },
  )

  it('every row that did not pass is in the Markdown with its message, or counted', () => {
    const text = shown(markdownReport(input))
    const missing = broken.filter((row) => !text.includes(cleanText(row.message)))
    if (missing.length > 0) expect(text).toMatch(/_… and \d+ more rows: see report\.html\._/)
    expect(missing.length).toBeLessThanOrEqual(Math.max(0, broken.length - 50))
  })

  it.each([maxCharacters, 20_000, 3000, 400])(
    'the Markdown is well-formed within %i characters, and no text from outside has a meaning',
    (limit) => {
      const text = markdownReport(input, limit)
      expect(text.length).toBeLessThanOrEqual(limit)
      expect(Buffer.byteLength(text)).toBeLessThan(2 ** 20)
      expect(documentProblems(text)).toEqual([])
    },
  )

  it('the JUnit is well-formed, with each row as a case and every count right', () => {
    const root = readXml(junitReport(input))
    const suites = root.children
    expect([root.name, ...new Set(suites.map((suite) => suite.name))].join(' ')).toBe('testsuites testsuite')
    for (const element of [root, ...suites]) {
      const counted = { tests: 'testcase', failures: 'failure', errors: 'error', skipped: 'skipped' }
      for (const [attribute, child] of Object.entries(counted))
        expect(Number(element.attributes[attribute]), attribute).toBe(allOf(element, child).length)
      expect(Number(element.attributes['time'])).toBeCloseTo(
        allOf(element, 'testcase').reduce((sum, { attributes }) => sum + Number(attributes['time']), 0),
        1,
      )
    }
    const { rows, verdict } = input.verdict
    const cases = allOf(root, 'testcase')
    expect(cases.length - rows.length).toBe(
      cases.some(({ attributes }) => attributes['classname'] === 'vigil.verdict') ? 1 : 0,
    )
    const messages = [...allOf(root, 'failure'), ...allOf(root, 'error'), ...allOf(root, 'skipped')].map(
      ({ attributes }) => attributes['message'] ?? '',
    )
    for (const row of rows.filter(({ status }) => status !== 'pass' && status !== 'improved'))
      expect(messages.some((message) => message.includes(cleanText(row.message)))).toBe(true)
    expect(
      allOf(root, 'failure').length + allOf(root, 'error').length > 0,
      'CI is red exactly when the exit code is',
    ).toBe(verdict !== 'pass')
  })

  it('verdict.json is the verdict, value by value', () => {
    expect(JSON.parse(json(input))).toEqual(JSON.parse(JSON.stringify(input.verdict)))
  })

  it('metrics.prom is OpenMetrics, with the verdict of each run', () => {
    const { samples } = readOpenMetrics(openMetricsReport(input))
    const verdicts = [...samples]
      .filter(([key, value]) => key.startsWith('vigil_run_verdict[') && value === 1)
      .map(([key]) => /"verdict","(\w+)"/.exec(key)?.[1])
    expect(verdicts).toEqual(input.runs.map((run) => run.verdict.verdict))
  })
})

const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 120 }),
  fc.string({ unit: 'grapheme', maxLength: 120 }),
  fc
    .array(
      fc.constantFrom(
        '|',
        '`',
        '<b>',
        '@octocat',
        '#1',
        '\n',
        '::error::x',
        '##[error]',
        ']]>',
        '日本',
        '🚀',
        '\u001b[2J',
        '\u009b2J',
        '\u202e',
        '\u2028',
        'word',
        ' ',
        '- ',
        'http://e.example',
      ),
      { maxLength: 40 },
    )
    .map((parts) => parts.join('')),
  fc.constant(hostileText),
)

/** An input with a text in every field that comes from outside. */
function filledWith(text: string): ReportInput {
  const spec = {
    suite: `s${text}`,
    engine: text,
    steps: { [`j/${text}`]: { requests: 40, errors: 10, medianMs: 3, spread: 0.2 } },
    budgets: { p95Ms: 1, errorRate: 0.001, steps: { [text]: { p95Ms: 1 } } },
  }
  const report = runReport({
    ...spec,
    failures: [{ step: `j/${text}`, class: 'check', count: 4, example: text }],
    invalid: [text],
    extras: { id: text, target: { url: text, revision: text } },
  })
  const probe = {
    name: text,
    outcome: 'down',
    startedAt: text,
    durationMs: 1e9,
    attempts: 100,
    message: text,
    steps: [{ step: text, ok: false, status: 500, durationMs: 1e9, message: text }],
  } as const
  const input = gateOf({
    title: text,
    runs: [report],
    probes: { schema: 'vigil.probes/1', probes: [{ ...probe, steps: [...probe.steps] }] },
    rows: [{ rule: text, suite: text, step: text, metric: text, status: 'fail', message: text }],
    notes: [text],
  })
  return { ...input, folder: text }
}

describe('whatever the texts in it are', () => {
  it('every report keeps its form', () => {
    fc.assert(
      fc.property(anyText, fc.constantFrom(40, 57, 100), (text, width) => {
        const input = frozen(filledWith(text))
        const printed = terminal(width)(input)
        expect(
          printed
            .split('\n')
            .filter(
              (line) => measureWidth(line) > width && !line.includes('report.html') && !isForCopying(line),
            ),
        ).toEqual([])
        expect(printed).not.toMatch(/^\s*::.*::|##\[/m)
        expect(printed.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u)
        expect(documentProblems(markdownReport(input))).toEqual([])
        expect(allOf(readXml(junitReport(input)), 'testcase').length).toBe(input.verdict.rows.length)
        expect(JSON.parse(json(input))).toEqual(JSON.parse(JSON.stringify(input.verdict)))
        readOpenMetrics(openMetricsReport(input))
      }),
      { numRuns: 100 },
    )
  })
})
