import { amount } from '../../baselines/index.ts'
import type { Run } from '../../record/index.ts'
import { formatCount, formatDuration, formatRate, cleanText, toPublicUrl } from './format.ts'

/** A named fact, ready to be shown. */
export type Fact = readonly [name: string, value: string]

/** Engine, load and duration: `k6, 200 journeys/s, 60 s`. */
export function describeLoad(run: Run): string {
  const { shards, script } = run.load
  const how = script === undefined ? describeModel(run.load) : cleanText(script)
  return [
    cleanText(run.engine, 40),
    how,
    ...(shards === undefined || shards < 2 ? [] : [`${shards} shards`]),
    formatDuration(run.durationMs),
  ].join(', ')
}

function describeModel({ model, ratePerSecond, connections }: Run['load']): string {
  if (model === 'arrival-rate') return `${formatRate(ratePerSecond ?? Number.NaN)} journeys/s`
  return model === 'connections' ? `${formatCount(connections ?? Number.NaN)} connections` : 'once'
}

export function listTargetFacts(run: Run): Fact[] {
  const { url, revision, dirty } = run.target
  return [
    ['target', toPublicUrl(url)],
    ...(revision === undefined
      ? []
      : [['revision', cleanText(revision, 80) + (dirty ? ' with uncommitted changes' : '')] as const]),
    ['started', cleanText(run.startedAt, 40)],
    ['run', cleanText(run.id, 80)],
  ]
}

/** The service's own metrics during the run. */
export function listServerFacts(run: Run): Fact[] {
  const {
    cpuMsPerRequest,
    busiestThreadRatio,
    rssMaxBytes,
    eventLoopP99Ms,
    dbMsPerRequest,
    statementsPerRequest,
    dbPoolUsedRatio,
    dbPoolWaiting,
  } = run.server ?? {}
  return [
    ...toFact('CPU per request', cpuMsPerRequest, (ms) => amount('ms', ms)),
    ...toFact('busiest thread', busiestThreadRatio, (ratio) => `${amount('ratio', ratio)} of a core`),
    ...toFact('maximum memory', rssMaxBytes, (bytes) => amount('bytes', bytes)),
    ...toFact('event loop delay p99', eventLoopP99Ms, (ms) => amount('ms', ms)),
    ...toFact('database time per request', dbMsPerRequest, (ms) => amount('ms', ms)),
    ...toFact('SQL statements per request', statementsPerRequest, (n) => String(Number(n.toPrecision(4)))),
    ...toFact('connection pool used', dbPoolUsedRatio, (ratio) => amount('ratio', ratio)),
    ...toFact('queries waiting for a connection (average)', dbPoolWaiting, formatAverage),
  ]
}

/** The load generator's own metrics, which show whether it was the bottleneck. */
export function listGeneratorFacts(run: Run): Fact[] {
  const { cpuRatio, eventLoopP99Ms, droppedArrivals, offeredRps } = run.generator ?? {}
  return [
    ...toFact('CPU used', cpuRatio, (ratio) => amount('ratio', ratio)),
    ...toFact('event loop delay p99', eventLoopP99Ms, (ms) => amount('ms', ms)),
    ...toFact('dropped arrivals', droppedArrivals, formatCount),
    // Arrivals of journeys, each of several requests.
    ...toFact(
      'offered',
      offeredRps,
      (rate) => `${formatRate(rate)} ${run.load.script === undefined ? 'journeys' : 'iterations'}/s`,
    ),
    ...toFact('new connections', run.connections?.opened, (opened) =>
      run.connections === undefined
        ? ''
        : `${formatCount(opened)}, ${amount('ratio', run.connections.share)} of the answers`,
    ),
    ...toFact('time to connect p95', run.connections?.time.p95Ms, (ms) => amount('ms', ms)),
    ...toFact('answered', run.totals.throughputRps, (rps) => `${formatRate(rps)} req/s`),
  ]
}

/** The environment's facts in the order of the record, without nested ones. */
export function listEnvironmentFacts(run: Run): Fact[] {
  const names: Record<string, string> = {
    os: 'system',
    arch: 'architecture',
    cpuModel: 'processor',
    cores: 'cores',
    memoryBytes: 'memory',
    node: 'Node',
    engine: 'engine',
    fingerprint: 'fingerprint',
    name: 'name',
    place: 'place',
  }
  return Object.entries(run.environment)
    .filter(
      ([, value]) => typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean',
    )
    .slice(0, 40)
    .map(([name, value]) => [
      names[name] ?? cleanText(name, 60),
      name === 'memoryBytes' && typeof value === 'number'
        ? formatGibibytes(value)
        : cleanText(String(value), 120),
    ])
}

function formatGibibytes(bytes: number): string {
  return `${Number((bytes / 2 ** 30).toFixed(1))} GiB`
}

function formatAverage(value: number): string {
  if (value > 0 && value < 0.005) return '< 0.01'
  return String(Number(value.toFixed(value < 10 ? 2 : 0)))
}

function toFact(name: string, value: number | undefined, show: (value: number) => string): Fact[] {
  return value === undefined ? [] : [[name, show(value)]]
}
