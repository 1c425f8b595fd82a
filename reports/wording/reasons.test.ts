import { globSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { combineVerdicts, findReason, isReasonCode, reasons } from '../../baselines/index.ts'
import type { ReasonCode, VerdictRow } from '../../baselines/index.ts'
import { gateOf, runReport } from '../testing/examples/index.ts'
import type { ReportInput } from '../input.ts'
import { adviseNextSteps } from './advice.ts'

const codes = Object.keys(reasons).filter(isReasonCode)
const root = fileURLToPath(new URL('../..', import.meta.url))

const rowWith = (code: ReasonCode): VerdictRow => ({
  rule: 'validity',
  suite: 'browse',
  step: null,
  metric: 'validity',
  status: reasons[code].verdict,
  code,
  message: 'why',
})

function inputWith(code: ReasonCode, command?: readonly string[]): ReportInput {
  const report = runReport({
    suite: 'browse',
    seconds: 10,
    steps: { 'a/b': { requests: 100, medianMs: 5, spread: 0.2 } },
  })
  const rows = [rowWith(code)]
  const verdict = { ...report.verdict, verdict: reasons[code].verdict, rows }
  return {
    ...gateOf({ runs: [{ ...report, verdict }] }),
    verdict: combineVerdicts([verdict], []),
    ...(command && { command }),
  }
}

describe('the table of reasons', () => {
  it.each(codes)('%s gives the verdict of its row, and its next step in the reports', (code) => {
    const input = inputWith(code)
    expect(input.verdict.verdict).toBe(reasons[code].verdict)
    expect(input.verdict.rows.map(findReason)).toEqual([code])
    // Errors, latency and throughput are advised on with the figures of the run.
    const withFigures = /-(over|under)-budget$/.test(code)
    const expected = reasons[code].next === undefined && !withFigures ? 0 : 1
    expect(adviseNextSteps(input)).toHaveLength(expected)
  })

  it('has no next step for a pass', () => {
    const passed = { ...rowWith('unknown'), status: 'pass' as const }
    expect(findReason(passed)).toBeUndefined()
    const { code: _code, ...skipped } = { ...passed, status: 'skipped' as const }
    expect(findReason(skipped)).toBeUndefined()
  })

  it('holds no code that nothing makes', () => {
    const sources = globSync('{baselines,cli,load,runtime,synthetics}/**/*.ts', { cwd: root })
      .filter((file) => !/\.test\.ts$|\/testing\//.test(file))
      .map((file) => readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8'))
      .join('\n')
    // Its own line in the table has a quoted code once.
    const unused = codes.filter((code) => {
      const quoted = sources.split(`'${code}'`).length - 1
      return quoted <= (sources.includes(`\n  '${code}': {`) ? 1 : 0)
    })
    expect(unused).toEqual([])
  })
})

describe('a next step that is a command', () => {
  it.each([
    ['interrupted', ['load', 'browse', '--out', 'x', '--json'], 'vigil load browse --out x'],
    [
      'too-few-samples',
      ['load', 'browse', '--duration', '10', '--config', 'c.ts'],
      'vigil load browse --config c.ts --duration 24',
    ],
    ['too-few-samples', ['gate'], 'vigil gate --duration 24'],
    ['engine-failed', ['gate', '--engine', 'k6'], 'vigil gate --engine k6'],
  ] as const)('%s after %j', (code, command, expected) => {
    expect(adviseNextSteps(inputWith(code, command)).join(' ')).toContain(expected)
  })

  it('names no option that its command does not have', () => {
    expect(adviseNextSteps(inputWith('undecided', ['ab', 'main'])).join(' ')).not.toContain('--duration')
  })
})
