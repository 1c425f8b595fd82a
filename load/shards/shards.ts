/*
 * A load that several processes make together, each one shard of it. Pure: how the load is divided, and
 * whether what the shards reported adds up to it.
 */

/** One process's part of a load. */
export interface Shard {
  /** Also the name of its folder. */
  name: string
  /** As k6's `--execution-segment` takes it. */
  segment: string
}

/** Names every shard that is expected, so that one that never reports is missed. */
export interface ShardManifest {
  schema: 'vigil.shards/1'
  run: string
  /** Digest of what all shards are to do. */
  plan: string
  /** Of the reports: a shard of another version of vigil counts other things. */
  format: string
  /** As k6's `--execution-segment-sequence` takes it. */
  sequence: string
  shards: Shard[]
}

/** Divides a load into equal shards. */
export function divideLoad(
  { run, plan, format }: Pick<ShardManifest, 'run' | 'plan' | 'format'>,
  count: number,
): ShardManifest {
  const bound = (index: number): string => (index === 0 ? '0' : index === count ? '1' : `${index}/${count}`)
  const indices = Array.from({ length: count }, (_, index) => index)
  return {
    schema: 'vigil.shards/1',
    run,
    plan,
    format,
    sequence: [...indices, count].map(bound).join(','),
    shards: indices.map((index) => ({
      name: `shard-${index + 1}`,
      segment: `${bound(index)}:${bound(index + 1)}`,
    })),
  }
}

/** What a shard states about itself in its report. */
export interface ShardIdentity {
  name: string
  plan: string
  format: string
}

/** A report that was read, or why it could not be: of the shard that was to write it. */
export type ShardReport<T> =
  | { state: 'ok'; identity: ShardIdentity; value: T }
  | { state: 'missing'; name: string; reason: string }

/**
 * Hands the reports of the expected shards to `add`, each shard's once, and returns what is wrong with the
 * rest, by shard. Reports are read one after another, so that a hundred of them need not be in memory. Of two
 * reports of one shard the first is added; the run is invalid either way.
 */
export function collectReports<T>(
  manifest: Pick<ShardManifest, 'plan' | 'format' | 'shards'>,
  reports: Iterable<ShardReport<T>>,
  add: (name: string, value: T) => void,
): string[] {
  const problems = new Map<string, string>(
    manifest.shards.map(({ name }) => [name, 'is missing: it reported nothing']),
  )
  const strangers: string[] = []
  const reported = new Set<string>()
  for (const report of reports) {
    const name = report.state === 'ok' ? report.identity.name : report.name
    if (!problems.has(name) && !reported.has(name)) strangers.push(`${name} is no shard of this run`)
    else if (report.state === 'missing') {
      if (!reported.has(name)) problems.set(name, `is missing: ${report.reason}`)
    } else if (reported.has(name)) problems.set(name, 'reported twice: only its first report is counted')
    else {
      const difference = findDifference(manifest, report.identity)
      reported.add(name)
      if (difference === undefined) {
        problems.delete(name)
        add(name, report.value)
      } else problems.set(name, difference)
    }
  }
  const expected = manifest.shards.flatMap(({ name }) => {
    const problem = problems.get(name)
    return problem === undefined ? [] : [`${name} ${problem}`]
  })
  return [...expected, ...strangers.toSorted()]
}

function findDifference(
  { plan, format }: Pick<ShardManifest, 'plan' | 'format'>,
  found: ShardIdentity,
): string | undefined {
  if (found.format !== format)
    return `is of another version: found ${found.format}, expected ${format}: install one version everywhere`
  return found.plan === plan
    ? undefined
    : `is of another plan: found ${found.plan}, expected ${plan}: give every shard the same suite`
}

/** Journeys of one shard. Each that was to begin was answered, failed or was dropped. */
export interface ShardAccount {
  /** That were to begin, as the engine counts them. */
  offered: number
  /** All of whose requests were answered as expected. */
  answered: number
  failed: number
  dropped: number
}

/** Why an account does not add up; undefined when it does. */
export function findAccountProblem(
  { offered, answered, failed, dropped }: ShardAccount,
  what = 'journeys',
): string | undefined {
  const missing = offered - answered - failed - dropped
  if (missing === 0) return undefined
  return (
    `lost count of ${Math.abs(missing)} ${what}: offered ${offered}, ` +
    `but answered ${answered} + failed ${failed} + dropped ${dropped}`
  )
}

export function addAccounts(accounts: readonly ShardAccount[]): ShardAccount {
  const sum = (pick: (account: ShardAccount) => number): number =>
    accounts.reduce((total, account) => total + pick(account), 0)
  return {
    offered: sum(({ offered }) => offered),
    answered: sum(({ answered }) => answered),
    failed: sum(({ failed }) => failed),
    dropped: sum(({ dropped }) => dropped),
  }
}

/**
 * A shard that begins later than this after the first has made another load than the plan's: for that time
 * the rate was lower, and afterwards the first shards had ended.
 */
const maxSkewMs = 2000

/** When a shard began, on the clock of the process that watches all of them, and on its own. */
export interface ShardBegin {
  name: string
  atMs: number
  /** Its own wall clock less that of the watching process. Labels only: nothing is computed from it. */
  clockOffsetMs: number
}

/** Milliseconds after the first shard. */
export function findSkew(begins: readonly ShardBegin[]): Map<string, number> {
  const first = Math.min(...begins.map(({ atMs }) => atMs))
  return new Map(begins.map(({ name, atMs }) => [name, Math.round(atMs - first)]))
}

/** What is wrong with when the shards began, by shard. */
export function findBeginProblems(begins: readonly ShardBegin[]): string[] {
  const skew = findSkew(begins)
  const names = begins.map(({ name }) => name)
  return [...skew].flatMap(([name, lateMs]) => [
    ...(names.indexOf(name) === names.lastIndexOf(name) ? [] : [`${name} began twice: it was started again`]),
    ...(lateMs > maxSkewMs
      ? [`${name} was late: it began ${(lateMs / 1000).toFixed(1)} s after the first, expected at most 2 s`]
      : []),
  ])
}

/** A shard's clock that differs by more is worth a note. */
const remarkableOffsetMs = 1000

/** What the reader of a merged record must know. */
export function describeShards(
  begins: readonly ShardBegin[],
  account: ShardAccount,
  what = 'journeys',
): string[] {
  const skew = findSkew(begins)
  const { offered, answered, failed, dropped } = account
  const wrong = begins.filter(({ clockOffsetMs }) => Math.abs(clockOffsetMs) > remarkableOffsetMs)
  return [
    `${skew.size} shards began within ${Math.max(0, ...skew.values())} ms: offered ${offered} ${what} = ` +
      `answered ${answered} + failed ${failed} + dropped ${dropped}`,
    ...wrong.map(
      ({ name, clockOffsetMs }) =>
        `${name}: its clock differs by ${Math.round(clockOffsetMs / 1000)} s; nothing is computed from it`,
    ),
  ]
}
