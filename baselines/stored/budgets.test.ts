import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { planSuite } from '../../cli/index.ts'
import config from '../../vigil.config.ts'
import type { Budgets } from '../index.ts'

interface StoredBudgets {
  schema: string
  budgets: Budgets
  requirements: Record<string, keyof Budgets>
}

const stored = JSON.parse(readFileSync(new URL('budgets.json', import.meta.url), 'utf8')) as StoredBudgets

describe('the portable baseline, on every machine', () => {
  it.each([
    ['N1', 'p95 < 500 ms', 'p95Ms', 500],
    ['N2', 'average < 200 ms', 'meanMs', 200],
    ['N3', 'error rate < 0.1 %', 'errorRate', 0.001],
    ['N4', 'throughput ≥ 1000 requests per minute', 'requestsPerMinute', 1000],
    ['N5', 'memory < 512 MB', 'rssBytes', 512e6],
  ] as const)('%s: %s', (id, _, metric, limit) => {
    expect([stored.requirements[id], stored.budgets[metric]]).toEqual([metric, limit])
  })

  it('is what the config promises, and holds for every suite of the gate', () => {
    expect(config.budgets).toEqual(stored.budgets)
    for (const name of config.gate?.suites ?? [])
      expect(planSuite(config, name, {}).budgets, name).toMatchObject(stored.budgets)
  })
})
