import { describe, expect, it } from 'vitest'
import type { ReportInput } from '../input.ts'
import { examples, gateOf, runReport } from '../testing/examples/index.ts'
import { terminalReport } from './report.ts'

const at = (width: number, input: ReportInput): string[] =>
  terminalReport(input, { width, color: false }).split('\n')
const example = (name: string): ReportInput => {
  const input = examples[name]?.()
  if (!input) throw new Error(`no example ${name}`)
  return input
}
const noise = {
  units: 48,
  processPairs: 2,
  unitSeconds: 2.5,
  metrics: {
    p50Ms: { deviation: 0.03, betweenProcesses: 0.01, detectable: { 30: 0.06, 60: 0.04, 120: 0.03 } },
    p95Ms: { deviation: 0.08, betweenProcesses: 0.02, detectable: { 30: 0.16, 60: 0.12, 120: 0.09 } },
  },
  falseAlarms: { drawn: 100, fail: 0, inconclusive: 3 },
}

describe('the end of a gate in the terminal', () => {
  it.each([40, 80, 120])('has the path of its report whole and alone on a line of %i columns', (width) => {
    const folder = `/home/ana/${'projects/'.repeat(12)}.vigil/gates/20261124T091220Z-gate`
    const lines = at(width, { ...example('slow'), folder })
    expect(lines).toContain(`  Report: ${folder}/report.html`)
    expect(lines.findIndex((line) => line.includes('Report: '))).toBeLessThan(
      lines.findIndex((line) => line.includes('Next: ')),
    )
    expect(at(width, { ...example('slow'), folder: `${folder}/` })).toContain(
      `  Report: ${folder}/report.html`,
    )
  })

  it('has the totals of each run on one line', () => {
    const lines = at(120, example('passing'))
    expect(lines.find((line) => line.startsWith('  steady: '))).toMatch(
      /^ {2}steady: 14,400 requests, 240 req\/s, p95 [\d.]+ ms, errors 0 %, 60 s, revision 7d1f0c2b9a4e$/,
    )
    expect(lines.filter((line) => line.startsWith('  capacity: '))).toHaveLength(1)
    expect(at(120, example('zeroRequests')).join('\n')).toMatch(/: 0 requests, 0 req\/s, errors –, /)
  })

  it.each([
    ['a known noise', noise, 60, 'a slowdown below 12 % at p95 would not have been seen'],
    ['a longer run', noise, 300, 'a slowdown below 9 % at p95 would not have been seen'],
    ['a run shorter than all of them', noise, 10, 'a slowdown below 16 % at p95 would not have been seen'],
    ['no known noise', undefined, 60, 'is not known'],
  ])('says how sure a pass is, by %s', (_, known, seconds, expected) => {
    const report = runReport({
      suite: 'steady',
      seconds,
      steps: { 'a/b': { requests: 14_400, medianMs: 5, spread: 0.2 } },
    })
    const text = at(120, gateOf({ runs: [{ ...report, ...(known && { noise: known }) }] })).join('\n')
    expect(text.replaceAll(/\s+/g, ' ')).toContain(expected)
    expect(text).toContain('vigil doctor --noise')
  })

  it.each(['slow', 'erring', 'undecided', 'saturated'])('and says nothing of it for %s', (name) => {
    expect(at(120, example(name)).join('\n')).not.toContain('vigil doctor --noise')
  })

  it('marks the steps over the limit of the suite, also when only the whole is judged', () => {
    const steps = {
      'a/fast': { requests: 20_000, medianMs: 5, spread: 0.2 },
      'a/slow': { requests: 200, medianMs: 900, spread: 0.1 },
    }
    const input = gateOf({ runs: [runReport({ suite: 'steady', steps, budgets: { p95Ms: 500 } })] })
    expect(input.verdict.verdict).toBe('pass')
    const lines = at(100, input)
    expect(lines.filter((line) => line.includes('a/')).map((line) => line.slice(0, 8))).toEqual([
      '  a/fast',
      '  ! a/sl',
    ])
    expect(lines).toContain('  ! over its limit: p95 < 500 ms')
    const own = { p95Ms: 500, steps: { 'a/slow': { p95Ms: 2000 } } }
    const kept = gateOf({ runs: [runReport({ suite: 'steady', steps, budgets: own })] })
    expect(at(100, kept).filter((line) => line.startsWith('  ! '))).toEqual([])
  })

  it('lists the metrics of the service one a line', () => {
    const lines = at(80, example('passing'))
    const start = lines.indexOf('  service metrics')
    expect(lines.slice(start + 1, start + 6).map((line) => line.trim().split(/ {2,}/))).toEqual([
      ['CPU per request', '1.84 ms'],
      ['maximum memory', '187 MB'],
      ['event loop delay p99', '12.6 ms'],
      ['database time per request', '2.41 ms'],
      ['SQL statements per request', '1.6'],
    ])
    expect(new Set(lines.slice(start + 1, start + 6).map((line) => line.length)).size).toBe(1)
  })
})

describe('what is copied is never broken over lines', () => {
  const command = ['gate', '--config', 'some/deep/folder/of/services/vigil.config.ts', '--duration', '10']
  it.each([40, 60, 80])('the command of Next: at %i columns', (width) => {
    const next = /vigil gate --config some\/deep\/folder\/of\/services\/vigil.config.ts --duration \d+$/
    expect(at(width, { ...example('undecided'), command }).some((line) => next.test(line))).toBe(true)
  })

  it.each([40, 60, 80])('a command or a path in a note at %i columns', (width) => {
    const accept = `vigil baseline accept 20261124T091260Z-${'x'.repeat(40)}`
    const path = '.vigil/gates/20261124T091220Z-gate/some-more-letters/target.log'
    const lines = at(width, {
      ...example('passing'),
      notes: [`suite steady has no baseline on this machine: ${accept}`, `the last lines are in ${path}`],
    })
    expect(lines.some((line) => line.endsWith(accept))).toBe(true)
    expect(lines.some((line) => line.endsWith(path))).toBe(true)
  })
})
