import { amount } from '../../baselines/index.ts'
import type { Run } from '../../record/index.ts'
import { count, duration, rate, plain, plainUrl } from './format.ts'

/** A named fact, ready to be shown. */
export type Fact = readonly [name: string, value: string]

/** How the load was made: `k6, 200 journeys/s, 60 s`. */
export function loadLine(run: Run): string {
  const { model, ratePerSecond, connections, shards } = run.load
  const how =
    model === 'arrival-rate'
      ? `${rate(ratePerSecond ?? Number.NaN)} journeys/s`
      : model === 'connections'
        ? `${count(connections ?? Number.NaN)} connections`
        : 'once'
  return [
    plain(run.engine, 40),
    how,
    ...(shards === undefined || shards < 2 ? [] : [`${shards} shards`]),
    duration(run.durationMs),
  ].join(', ')
}

export function targetFacts(run: Run): Fact[] {
  const { url, revision, dirty } = run.target
  return [
    ['target', plainUrl(url)],
    ...(revision === undefined
      ? []
      : [['revision', plain(revision, 80) + (dirty ? ' with uncommitted changes' : '')] as const]),
    ['started', plain(run.startedAt, 40)],
    ['run', plain(run.id, 80)],
  ]
}

/** What the service said of itself during the run. */
export function serverFacts(run: Run): Fact[] {
  const {
    cpuMsPerRequest,
    rssMaxBytes,
    eventLoopP99Ms,
    dbMsPerRequest,
    statementsPerRequest,
    dbPoolUsedRatio,
    dbPoolWaiting,
  } = run.server ?? {}
  return [
    ...fact('CPU per request', cpuMsPerRequest, (ms) => amount('ms', ms)),
    ...fact('memory at most', rssMaxBytes, (bytes) => amount('bytes', bytes)),
    ...fact('event loop delay p99', eventLoopP99Ms, (ms) => amount('ms', ms)),
    ...fact('database per request', dbMsPerRequest, (ms) => amount('ms', ms)),
    ...fact('statements per request', statementsPerRequest, (n) => String(Number(n.toPrecision(4)))),
    ...fact('connection pool in use', dbPoolUsedRatio, (ratio) => amount('ratio', ratio)),
    ...fact('waiting for a connection', dbPoolWaiting, (n) => String(Number(n.toPrecision(2)))),
  ]
}

/** Whether the machine that made the load was fit to. */
export function generatorFacts(run: Run): Fact[] {
  const { cpuRatio, eventLoopP99Ms, droppedArrivals, offeredRps } = run.generator ?? {}
  return [
    ...fact('CPU in use', cpuRatio, (ratio) => amount('ratio', ratio)),
    ...fact('event loop delay p99', eventLoopP99Ms, (ms) => amount('ms', ms)),
    ...fact('dropped arrivals', droppedArrivals, count),
    ...fact('offered', offeredRps, (rps) => `${rate(rps)} req/s`),
    ...fact('achieved', run.totals.throughputRps, (rps) => `${rate(rps)} req/s`),
  ]
}

/** The environment's facts as the record has them; nested ones are left out. */
export function environmentFacts(run: Run): Fact[] {
  const names: Record<string, string> = {
    os: 'system',
    arch: 'architecture',
    cpuModel: 'processor',
    cores: 'cores',
    memoryBytes: 'memory',
    node: 'Node',
    engine: 'engine',
    fingerprint: 'fingerprint',
  }
  return Object.entries(run.environment)
    .filter(
      ([, value]) => typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean',
    )
    .slice(0, 40)
    .map(([name, value]) => [
      names[name] ?? plain(name, 60),
      name === 'memoryBytes' && typeof value === 'number' ? gibibytes(value) : plain(String(value), 120),
    ])
}

function gibibytes(bytes: number): string {
  return `${Number((bytes / 2 ** 30).toFixed(1))} GiB`
}

function fact(name: string, value: number | undefined, show: (value: number) => string): Fact[] {
  return value === undefined ? [] : [[name, show(value)]]
}
