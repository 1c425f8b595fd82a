import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parse } from 'yaml'
import { describe, expect, it } from 'vitest'
import { compressFile, maskFile } from './files.ts'
import type { FileKind } from './files.ts'
import { findSpans } from './promql.ts'

const monitoring = fileURLToPath(new URL('../..', import.meta.url))
const speed = 60
/** Of scrapes and evaluations, in `prometheus.yml`. */
const interval = 15_000
const files: readonly (readonly [FileKind, string])[] = [
  ['prometheus', 'prometheus/prometheus.yml'],
  ['rules', 'prometheus/alert_rules.yml'],
  ['rules', 'prometheus/recording_rules.yml'],
  ['rules', 'prometheus/meta_rules.yml'],
  ['alertmanager', 'alertmanager/alertmanager.yml'],
]
const read = (name: string): string => readFileSync(`${monitoring}${name}`, 'utf8')

describe("production's configuration on the drills' clock", () => {
  it.each(files)('differs only in durations: %s %s', (kind, name) => {
    const fast = compressFile(kind, read(name), name, speed)
    if (fast.state === 'invalid') throw new Error(fast.reason)
    expect(fast.text).not.toBe(read(name))
    expect(maskFile(kind, fast.text, name)).toEqual(maskFile(kind, read(name), name))
    expect(
      fast.notes,
      'the hour and the date are the same on every clock: a rule that uses them needs its own drill',
    ).toEqual([])
  })

  it('has ranges of at least four scrapes, so that rate() has enough samples, and of two evaluations', () => {
    const rules = files
      .filter(([kind]) => kind === 'rules')
      .flatMap(([, name]) =>
        (parse(read(name)) as { groups: { rules: { expr: string }[] }[] }).groups.flatMap(
          (group) => group.rules,
        ),
      )
    const ranges = rules.flatMap(({ expr }) => {
      const found = findSpans(expr)
      const spans = found.state === 'ok' ? found.spans.filter(({ range }) => range) : []
      return spans.map(({ from, ms }) => ({ selector: expr.slice(0, from), ms }))
    })
    const [ofAlerts, ofScrapes] = [true, false].map((wanted) =>
      ranges.filter(({ selector }) => /\bALERTS\{[^{}]*\}\[$/.test(selector) === wanted).map(({ ms }) => ms),
    )
    expect(ofScrapes?.length).toBeGreaterThan(20)
    expect(Math.min(...(ofScrapes ?? []))).toBeGreaterThanOrEqual(4 * interval)
    // The state of an alert is no rate: one sample of each evaluation is enough, and another in reserve.
    expect(Math.min(...(ofAlerts ?? []))).toBeGreaterThanOrEqual(2 * interval)
  })
})
