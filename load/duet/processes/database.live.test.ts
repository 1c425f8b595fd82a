import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import postgres from 'postgres'
import { expect, it } from 'vitest'
import { createDatabaseTemplate, startDatabases } from './database.ts'

it('measures the CPU time of PostgreSQL for each side', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'vigil-databases-'))
  const { signal } = new AbortController()
  const made = await createDatabaseTemplate(join(folder, 'template'), signal)
  if (made.state === 'failed') throw new Error(made.reason)
  const started = await startDatabases(made.template, join(folder, 'pair'), signal)
  if (started.state === 'failed') throw new Error(started.reason)
  const { of, stop } = started.databases
  const [busy, idle] = [postgres(of.candidate.url, { max: 2 }), postgres(of.baseline.url, { max: 2 })]
  try {
    await Promise.all([busy`SELECT 1`, idle`SELECT 1`])
    const before = { busy: of.candidate.cpuMs(), idle: of.baseline.cpuMs() }
    await busy`SELECT sum(sqrt(i)) FROM generate_series(1, 2000000) AS i`
    const spent = {
      busy: (of.candidate.cpuMs() ?? 0) - (before.busy ?? 0),
      idle: (of.baseline.cpuMs() ?? 0) - (before.idle ?? 0),
    }
    expect(before.idle).toBeDefined()
    // A tenth of a second of work on any machine, against none.
    expect(spent.busy).toBeGreaterThan(10)
    expect(spent.idle).toBeLessThan(spent.busy / 10)
    const beforeEnd = of.candidate.cpuMs() ?? 0
    await busy.end()
    // The time of a backend that has ended still counts.
    expect(of.candidate.cpuMs()).toBeGreaterThanOrEqual(beforeEnd)
  } finally {
    await Promise.all([busy.end(), idle.end()])
    await stop()
    await rm(folder, { recursive: true, force: true })
  }
  expect(started.databases.of.baseline.cpuMs()).toBeDefined()
})
