import { mkdirSync, readFileSync, readdirSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Run } from '../record/index.ts'
import { startService } from './testing/service.ts'
import type { Service } from './testing/service.ts'
import { workplace } from './testing/vigil.ts'
import type { Workplace } from './testing/vigil.ts'

/**
 * A control group with a quota of 30 % of a core, which it gets before others; undefined where none can be
 * made: that takes root.
 */
function makeGroup(): string | undefined {
  const name = `vigil-quota-${process.pid}`
  const makers = [
    () => {
      const group = `/sys/fs/cgroup/cpu/${name}`
      mkdirSync(group)
      writeFileSync(join(group, 'cpu.cfs_period_us'), '100000')
      writeFileSync(join(group, 'cpu.cfs_quota_us'), '30000')
      writeFileSync(join(group, 'cpu.shares'), '100000')
      return group
    },
    () => {
      const group = `/sys/fs/cgroup/${name}`
      mkdirSync(group)
      writeFileSync(join(group, 'cpu.max'), '30000 100000')
      writeFileSync(join(group, 'cpu.weight'), '10000')
      return group
    },
  ]
  for (const make of makers) {
    try {
      return make()
    } catch {
      // No such version of control groups here, or no permission.
    }
  }
  return undefined
}

const group = process.platform === 'linux' ? makeGroup() : undefined
afterAll(() => (group === undefined ? undefined : rmdirSync(group)))

let place: Workplace
let service: Service
beforeEach(async () => {
  place = workplace()
  service = await startService((_request, response) => response.end('ok'))
})
afterEach(async () => {
  await service.close()
  place.remove()
})

// Skipped where no control group can be made: the figures of one are tested with files in `cores.test.ts`.
describe.runIf(group !== undefined)('at a quota of 30 % of a core', () => {
  it.each([
    ['autocannon', { connections: 20 }],
    ['k6', { ratePerSecond: 1500 }],
  ] as const)('a run of %s is invalid, exit 4, and says so', async (engine, load) => {
    place.configure({
      target: { url: service.url },
      suites: { busy: { engine, journeys: { home: 1 }, load, warmupSeconds: 1, durationSeconds: 5 } },
      budgets: { p95Ms: 20 },
    })
    // A loop next to vigil uses the quota up however busy the machine is: it has more weight than others.
    const loop = 'while kill -0 $$; do :; done 2>/dev/null & "$@"; code=$?; kill $!; exit $code'
    const enter = ['-c', `echo $$ > ${group}/cgroup.procs; ${loop}`, 'sh']
    const { code, stdout, stderr } = await place.startWith('sh', enter, [
      'load',
      'busy',
      '--config',
      'vigil.config.mjs',
    ]).ran
    expect(code, stdout + stderr).toBe(4)
    const runs = join(place.folder, '.vigil', 'runs')
    const run = JSON.parse(readFileSync(join(runs, readdirSync(runs)[0] ?? '', 'record.json'), 'utf8')) as Run
    expect(run.validity.reasons.join('\n')).toMatch(
      /its quota of 0\.3 cores was used up in \d+ % of the periods/,
    )
  })
})
