import { createHash } from 'node:crypto'
import { Buffer } from 'node:buffer'
import { describe, expect, it } from 'vitest'
import { examples } from '../testing/examples/index.ts'
import { passing } from '../testing/examples/good.ts'
import type { ReportInput } from '../input.ts'
import { adviseNextSteps, cleanText, formatLocation } from '../wording/index.ts'
import { details } from './parts.ts'
import { htmlReport, maxBytes } from './report.ts'
import { oddities, sixtyRuns, swollen, threeHundredSteps, wideCharacters } from './testing/oddities.ts'

/** Everything between angle brackets: there is no bare `<` or `>` elsewhere, which the first test holds. */
function tagsOf(report: string): string[] {
  return report.replace(/<style>[^]*?<\/style>/, '').match(/<[^>]*>/g) ?? []
}

function attributesOf(report: string): [name: string, value: string][] {
  return tagsOf(report).flatMap((tag) =>
    [...tag.matchAll(/ ([a-zA-Z0-9:-]+)="([^"]*)"/g)].map((match): [string, string] => [
      match[1] ?? '',
      match[2] ?? '',
    ]),
  )
}

function textOf(report: string): string {
  const entities: Record<string, string> = {
    '&lt;': '<',
    '&gt;': '>',
    '&quot;': '"',
    '&#39;': "'",
    '&#96;': '`',
    '&amp;': '&',
  }
  return report
    .replace(/<style>[^]*?<\/style>/, '')
    .replaceAll(/<[^>]*>/g, '')
    .replaceAll(/&(?:lt|gt|quot|amp|#39|#96);/g, (entity) => entities[entity] ?? entity)
}

const elements = new Set(
  (
    'html head meta title style body header main section nav footer h1 h2 h3 h4 p b strong span code ' +
    'a ul li dl dt dd div figure figcaption details ' +
    'summary table caption thead tbody tr th td svg desc g path line rect circle text'
  ).split(' '),
)
const inputs = Object.entries({ ...examples, ...oddities })

describe.each(inputs)('the HTML report of %s', (_, example) => {
  const input = example()
  const report = htmlReport(input)

  it('is the same, byte for byte, however often it is made', () => {
    expect(htmlReport(input) === report).toBe(true)
    expect(htmlReport(example()) === report).toBe(true)
  })

  it('has elements and attributes of its own only, all quoted, none that runs or fetches', () => {
    const strange = tagsOf(report).filter(
      (tag) =>
        !/^<\/?[a-z0-9]+( [a-zA-Z0-9:-]+="[^"<>]*")*>$|^<!doctype html>$/.test(tag) ||
        !(elements.has(/[a-z0-9]+/.exec(tag)?.[0] ?? '') || tag.startsWith('<!doctype')),
    )
    expect(strange).toEqual([])
    expect(
      attributesOf(report).filter(
        ([name, value]) =>
          /^on|^(src|srcset|action|data|poster|style|ping|http-refresh)$/.test(name) ||
          (name === 'href' && !value.startsWith('#')),
      ),
    ).toEqual([])
    expect(/<style>[^]*(url\(|@import)[^]*<\/style>/.test(report)).toBe(false)
  })

  it('allows its own stylesheet by hash, and nothing else', () => {
    const style = /<style>([^]*?)<\/style>/.exec(report)?.[1] ?? ''
    const hash = createHash('sha256').update(style).digest('base64')
    expect(report).toContain(
      `content="default-src &#39;none&#39;; style-src &#39;sha256-${hash}&#39;; ` +
        'base-uri &#39;none&#39;; form-action &#39;none&#39;"',
    )
  })

  it('says no figure that is none', () => {
    // With a space for each tag: a term and its figure must not be read as one word.
    expect(textOf(report.replaceAll('<', ' <'))).not.toMatch(/\b(NaN|undefined|Infinity|null)\b/)
    expect(attributesOf(report).filter(([, value]) => /\b(NaN|undefined|Infinity)\b/.test(value))).toEqual([])
  })

  it('is no longer than a mail takes', () => {
    expect(Buffer.byteLength(report)).toBeLessThanOrEqual(maxBytes)
  })

  it('says first the verdict, the worst rule and what to do next', () => {
    const text = textOf(/<section class="verdict[^]*?<\/section>/.exec(report)?.[0] ?? '')
    expect(text.trim().startsWith(input.verdict.verdict.toUpperCase())).toBe(true)
    for (const advice of adviseNextSteps(input)) expect(text).toContain(advice)
  })

  it('has the message and the place of every row that is not a pass, or says how many it left out', () => {
    const text = textOf(report)
    const rows = input.verdict.rows.filter(({ status }) => status !== 'pass')
    const most = details[0]?.rows ?? 0
    const missing = rows.filter(
      (row) => !text.includes(cleanText(row.message)) || !text.includes(formatLocation(row)),
    )
    if (rows.length <= most) expect(missing).toEqual([])
    else expect(text).toContain(`… and ${rows.length - most} more rows, left out here`)
  })

  it('is ordered for screen readers: one main and h1, heading levels, captions, unique ids', () => {
    const levels = [...report.matchAll(/<h([1-6])[ >]/g)].map((match) => Number(match[1]))
    expect(levels[0]).toBe(1)
    expect(levels.filter((level) => level === 1)).toHaveLength(1)
    expect(levels.filter((level, index) => index > 0 && level > (levels[index - 1] ?? 0) + 1)).toEqual([])
    expect(report.match(/<main>/g)).toHaveLength(1)
    const tables = report.match(/<table[^]*?<\/table>/g) ?? []
    expect(
      tables.filter(
        (table) =>
          !/^<table[^>]*><caption>[^<]+<\/caption>/.test(table) ||
          !table.includes('scope="col"') ||
          !table.includes('scope="row"'),
      ),
    ).toEqual([])
    const ids = attributesOf(report).flatMap(([name, value]) => (name === 'id' ? value : []))
    expect(new Set(ids).size).toBe(ids.length)
    const named = attributesOf(report).flatMap(([name, value]) =>
      name === 'aria-labelledby' ? value.split(' ') : name === 'href' ? value.slice(1) : [],
    )
    expect(named.filter((id) => !ids.includes(id))).toEqual([])
  })

  it('describes every picture in words', () => {
    const pictures = (report.match(/<svg[^]*?<\/svg>/g) ?? []).filter(
      (picture) => !picture.includes('aria-hidden="true"'),
    )
    expect(
      pictures.filter(
        (picture) =>
          !/^<svg [^>]*role="img"[^>]*><title [^>]*>[^<]+<\/title><desc [^>]*>[^<]+<\/desc>/.test(picture),
      ),
    ).toEqual([])
  })
})

describe('what is hostile', () => {
  const report = htmlReport(examples['hostile']?.() ?? expect.unreachable())

  it('is shown as text, and is all there to be seen', () => {
    expect(textOf(report)).toContain('<script>alert(1)</script><img src=x onerror=alert(2)>"\'`')
    expect(report).not.toMatch(/<script|<img/)
  })

  it('controls nothing: no control or direction characters, no lone surrogates', () => {
    expect(report.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}]/u)
    expect(report.isWellFormed()).toBe(true)
  })

  it('gives away no secret of a URL', () => {
    expect(report).not.toContain('canary')
  })
})

describe('what is too much', () => {
  it('three hundred steps are all in the table; the pictures say how many they leave out', () => {
    const report = htmlReport(threeHundredSteps())
    expect(report.match(/<th scope="row"><code>journey-/g)).toHaveLength(300)
    expect(textOf(report)).toContain(
      '… and 276 more steps, faster than these, left out here: see record.json.',
    )
  })

  it.each([
    ['sixty runs', sixtyRuns],
    ['the most that records may hold, sixty times', swollen],
  ] satisfies [string, () => ReportInput][])('%s fit, and what was left out is said', (_, example) => {
    const report = htmlReport(example())
    expect(Buffer.byteLength(report)).toBeLessThanOrEqual(maxBytes)
    expect(textOf(report)).toMatch(/… and [\d,]+ more runs, left out here: see verdict\.json/)
  })

  it('is counted in bytes, not in characters', () => {
    const report = htmlReport(wideCharacters())
    expect(Buffer.byteLength(report)).toBeLessThanOrEqual(maxBytes)
    expect(textOf(report)).toMatch(/… and \d+ more rows, left out here: see verdict\.json/)
  })

  it('the steps kept are those that broke a budget, then the slowest', () => {
    const report = htmlReport(examples['fortySteps']?.() ?? expect.unreachable())
    const small = report.slice(report.indexOf('class="multiples"'))
    for (const name of ['checkout-5/step-08', 'checkout-5/step-05', 'checkout-2/step-08'])
      expect(small).toContain(`<h4><code>${name}</code>`)
    expect(small).not.toContain('<h4><code>checkout-1/step-01</code>')
  })
})

describe('what a reader looks for', () => {
  const page = htmlReport(examples['passing']?.() ?? expect.unreachable())
  const first = /<section class="verdict[^]*?<\/section>/.exec(page)?.[0] ?? ''

  it('is on the first screen: the totals of each run, and how sure a pass is', () => {
    expect(textOf(first)).toMatch(
      /steady: 14,400 requests, 240 req\/s, p95 [\d.]+ ms, errors 0 %, 60 s, revision/,
    )
    expect(textOf(first)).toContain('how small a slowdown can be seen on this machine is not known')
    expect(textOf(htmlReport(examples['slow']?.() ?? expect.unreachable()))).not.toContain(
      'how small a slowdown',
    )
  })

  it('is shown on hover: each time of a chart, and the percentiles of a curve', () => {
    expect(page).toMatch(/<rect class="hover"[^>]*><title>0 to 2 s: [\d.]+ req\/s, 0 errors\/s, p95 at most/)
    expect(page).toMatch(/<circle class="hover"[^>]*><title>p99 [\d.]+ ms<\/title>/)
  })

  it('is how p50, p95 and p99 went over time; a record of an older vigil has p95 alone', () => {
    const input = examples['passing']?.() ?? expect.unreachable()
    const [first, ...others] = input.runs
    if (first === undefined) return expect.unreachable()
    const timeline = [10, 20].map((p95Ms, second) => ({
      atMs: second * 1000,
      requests: 100,
      errors: 0,
      p50Ms: p95Ms / 2,
      p95Ms,
      p99Ms: p95Ms * (second === 0 ? 1.5 : 4),
    }))
    const full = htmlReport({ ...input, runs: [{ ...first, run: { ...first.run, timeline } }, ...others] })
    expect(textOf(full)).toContain(
      'p50 at most 10 ms p95 at most 20 ms p99 at most 80 ms of each second. Part of p99 is above the chart.',
    )
    expect(full).toContain('p50 at most 10 ms, p95 at most 20 ms, p99 at most 80 ms</title>')
    for (const name of ['p50', 'p95', 'p99']) expect(full).toContain(`class="series ${name}"`)
    expect(page).not.toContain('class="series p99"')
    expect(textOf(page)).toMatch(/p95 at most [\d.]+ ms of each second/)
  })

  it('is the band of the accepted runs, below the curve of a run that was compared with them', () => {
    const band = [0, 0.5, 0.9, 0.95, 0.99].map((q) => ({ q, lowestMs: 2 + q, highestMs: 4 + 9 * q }))
    const input = passing()
    const levels = { meanMs: 1, p50Ms: 1, p95Ms: 1, p99Ms: 1, errorRate: 0, throughputRps: 1 }
    const baseline = { runs: ['a', 'b', 'c'], overall: levels, steps: {}, band }
    const report = htmlReport({ ...input, runs: input.runs.map((run) => ({ ...run, baseline })) })
    expect(report).toMatch(/<path class="band" d="M[^"]+Z">/)
    expect(textOf(report)).toContain('The band is where 3 accepted runs were.')
    expect(textOf(report)).toContain('3 accepted runs: p50 2.5 ms to 8.5 ms, p95 2.95 ms to 12.5 ms.')
    expect(htmlReport(input)).not.toContain('class="band"')
  })

  it('is in every cell of the steps with its unit, for a phone that has no headings', () => {
    const row = /<tr><th scope="row"><code>task-crud\/list<\/code>[^]*?<\/tr>/.exec(page)?.[0] ?? ''
    expect([...row.matchAll(/narrow-label">([^<]+) <\/span>/g)].map(([, label]) => label)).toEqual([
      'requests',
      'req/s',
      'errors %',
      'p50 ms',
      'p95 ms',
      'p99 ms',
      'max ms',
    ])
  })
})

it('folds the counts of a duet that are the same', () => {
  const report = htmlReport(examples['duetSlower']?.() ?? expect.unreachable())
  const folded = /<details><summary>1 count is the same<\/summary>(.*?)<\/details>/s.exec(report)?.[1]
  expect(folded).toContain('bytes')
  expect(folded).not.toContain('p95')
})
