import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parse } from 'yaml'
import { describe, expect, it } from 'vitest'
import { compressFile, maskFile } from './files.ts'
import type { FileKind } from './files.ts'
import { findSpans } from './promql.ts'

const monitoring = fileURLToPath(new URL('../..', import.meta.url))
const speed = 60
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

  it('has ranges of at least four scrapes, so that rate() has enough samples', () => {
    const rules = files
      .filter(([kind]) => kind === 'rules')
      .flatMap(([, name]) =>
        (parse(read(name)) as { groups: { rules: { expr: string }[] }[] }).groups.flatMap(
          (group) => group.rules,
        ),
      )
    const ranges = rules.flatMap(({ expr }) => {
      const found = findSpans(expr)
      return found.state === 'ok' ? found.spans.filter(({ range }) => range).map(({ ms }) => ms) : []
    })
    expect(ranges.length).toBeGreaterThan(20)
    expect(Math.min(...ranges)).toBeGreaterThanOrEqual(4 * 15_000)
  })
})
