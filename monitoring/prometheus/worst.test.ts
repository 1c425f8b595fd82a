import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { evaluateRules, stepMs } from '../alertmanager/testing/night.ts'
import { findComparisons } from '../drills/compression/promql.ts'
import { readRules } from './rules.ts'

const scratch = mkdtempSync(join(tmpdir(), 'vigil-worst-'))
afterAll(() => rmSync(scratch, { recursive: true }))

const { alerts, records } = readRules()
const withWorst = alerts.filter(({ annotations }) => annotations['worst'] !== undefined)
const withoutSpaces = (text: string): string => text.replaceAll(/\s/g, '')

describe.concurrent('the worst value', () => {
  it('is that of the alert itself, in the words of its summary', () => {
    expect(withWorst.length).toBeGreaterThan(25)
    for (const { alert, expr, annotations } of withWorst) {
      const [, query = '', words] =
        /^(\{\{ \$value = printf .*?\}\})(.*)$/.exec(annotations['worst'] ?? '') ?? []
      expect(words).toBe(annotations['summary'])
      const [, name = ''] = /alert:worst:(\w+)\{alertname="/.exec(query) ?? []
      expect(query).toContain(`alertname="${alert}"`)
      const measure = records.find(({ record }) => record === `alert:value:${name}`)?.expr ?? ''
      expect(measure).toMatch(new RegExp(`alertname=~?"([^"]*\\|)?${alert}[|"]`))
      const [compared] = findComparisons(expr)
      const measured = withoutSpaces(compared?.measured ?? 'none').replace(/^\((.*)\)$/, '$1')
      expect(withoutSpaces(measure), alert).toContain(measured)
    }
  })

  it('of an incident is its peak, and the next incident within the hour has its own', async () => {
    // Failed requests of a hundred in each minute.
    const night = [...repeat(0, 6), ...repeat(40, 6), ...repeat(12, 7), ...repeat(0, 12)]
    const later = [...repeat(20, 6), ...repeat(8, 7), ...repeat(0, 12)]
    const firing = await evaluateRules(
      [
        counterOf('503', [...night, ...later]),
        counterOf(
          '200',
          [...night, ...later].map((failed) => 100 - failed),
        ),
      ],
      scratch,
      { before: 0, outage: night.length + later.length, after: 0 },
    )
    const incidents = splitIncidents(firing.map((step) => step.find(isErrorRate)?.annotations))
    expect(incidents).toHaveLength(2)
    const ends = incidents.map((incident) => incident.at(-1))
    expect(ends.map((end) => end?.['worst'])).toEqual([
      '40% of requests failing (limit 5%)',
      '20% of requests failing (limit 5%)',
    ])
    for (const end of ends) expect(percentOf(end?.['summary'])).toBeLessThan(13)
    // No message of an incident names a value worse than its last `worst`.
    for (const incident of incidents) {
      const worst = percentOf(incident.at(-1)?.['worst'])
      expect(Math.max(...incident.map(({ summary }) => percentOf(summary)))).toBeLessThanOrEqual(worst)
    }
  })

  it('of a disk is the lowest, of each disk its own', async () => {
    const labelsOf = (name: string): string =>
      `{instance="db",device="/dev/${name}",mountpoint="/${name}",fstype="ext4"}`
    const disk = (mountpoint: string, free: readonly number[]) =>
      (['avail', 'size'] as const).map((part) => ({
        series: `node_filesystem_${part}_bytes${labelsOf(mountpoint)}`,
        values: free.flatMap((value) => repeat(part === 'size' ? 100 : value, 4)).join(' '),
      }))
    const readOnly = ['a', 'b'].map((mountpoint) => ({
      series: `node_filesystem_readonly${labelsOf(mountpoint)}`,
      values: '0x100',
    }))
    const firing = await evaluateRules(
      [
        ...disk('a', repeat(50, 2).concat(repeat(9, 6), repeat(2, 2), repeat(8, 5))),
        ...disk('b', repeat(7, 15)),
        ...readOnly,
      ],
      scratch,
      { before: 0, outage: 15, after: 0 },
    )
    const last = firing.at(-1)?.filter(({ labels }) => labels['alertname'] === 'DiskSpaceLow') ?? []
    expect(
      last.map(({ annotations: { summary, worst } }) => `${summary}, worst ${worst}`).toSorted(),
    ).toEqual([
      '7% of /b on db free (limit 10%), worst 7% of /b on db free (limit 10%)',
      '8% of /a on db free (limit 10%), worst 2% of /a on db free (limit 10%)',
    ])
  })
})

type Annotations = Readonly<Record<string, string>>

function isErrorRate({ labels }: { labels: Annotations }): boolean {
  return labels['alertname'] === 'APIHighErrorRate'
}

function splitIncidents(steps: readonly (Annotations | undefined)[]): Annotations[][] {
  const incidents: Annotations[][] = []
  for (const [step, annotations] of steps.entries()) {
    if (annotations === undefined) continue
    if (steps[step - 1] === undefined) incidents.push([])
    incidents.at(-1)?.push(annotations)
  }
  return incidents
}

function counterOf(status: string, perMinute: readonly number[]): { series: string; values: string } {
  const perStep = 60_000 / stepMs
  let total = 0
  const values = perMinute
    .flatMap((value) => repeat(value / perStep, perStep))
    .map((value) => (total += value))
  return {
    series: `http_requests_total{job="todo-backend",route="/tasks",status="${status}"}`,
    values: values.join(' '),
  }
}

function percentOf(text: string | undefined): number {
  return Number(/^([\d.]+)%/.exec(text ?? '')?.[1])
}

function repeat(value: number, count: number): number[] {
  return Array.from({ length: count }, () => value)
}
