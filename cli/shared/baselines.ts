import { readdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import {
  acceptRuns,
  baselineFile,
  formatBaseline,
  parseSealedBaseline,
  parseWaivers,
  formatReviewedJson,
  toBaselineFigures,
  compareWithBaseline,
  minAccepted,
  applyWaivers,
} from '../../baselines/accepted/index.ts'
import type { Baseline, ReadBaseline, ReadWaivers, Waiver, Waivers } from '../../baselines/accepted/index.ts'
import { parseAcknowledged } from '../../baselines/change-points/index.ts'
import type { Acknowledgement } from '../../baselines/change-points/index.ts'
import { parseCounts } from '../../baselines/exact/index.ts'
import type { LowestCounts, ReadCounts } from '../../baselines/exact/index.ts'
import { makeFolder, writeWhole } from '../../record/store/index.ts'
import { toVerdictWord } from '../../baselines/index.ts'
import type { VerdictRow } from '../../baselines/index.ts'
import type { JudgedRun } from './artefacts.ts'
import { describeEnvironment } from './session.ts'
import type { Session } from './session.ts'
import { readIfPresent, UsageError } from './world.ts'
import { readSuiteNoise } from './known-noise.ts'

/** Other files in the folder of the baselines. */
const budgetsFile = 'budgets.json'
const waiversFile = 'waivers.json'
const countsFile = 'counts.json'
const acknowledgedFile = 'acknowledged.json'
const otherFiles: ReadonlySet<string> = new Set([budgetsFile, waiversFile, countsFile, acknowledgedFile])

/** Where a project keeps its accepted runs: committed files, next to its config. */
export function storedFolder(configFile: string): string {
  return join(dirname(configFile), 'baselines', 'stored')
}

/** If there is no baseline, the environments that have one of the suite. */
export type BaselineLookup = ReadBaseline | { state: 'missing'; elsewhere: string[] }

/** The baseline of a suite in an environment. */
export async function findBaseline(
  folder: string,
  suite: string,
  fingerprint: string,
): Promise<BaselineLookup> {
  const file = join(folder, baselineFile(suite, fingerprint))
  const text = await readIfPresent(file)
  if (text !== undefined) {
    const read = parseSealedBaseline(text, file)
    const { suite: itsSuite, environment } =
      read.state === 'ok' ? read.baseline : { suite, environment: { fingerprint } }
    return itsSuite === suite && environment.fingerprint === fingerprint
      ? read
      : {
          state: 'invalid',
          problem:
            `${file}: is of suite ${itsSuite} on ${environment.fingerprint}, ` +
            `expected ${suite} on ${fingerprint}: a baseline cannot be moved to another environment`,
        }
  }
  const elsewhere = (await readStored(folder)).filter(
    (stored) => stored.state === 'ok' && stored.baseline.suite === suite,
  )
  return {
    state: 'missing',
    elsewhere: elsewhere.flatMap((stored) =>
      stored.state === 'ok' ? [stored.baseline.environment.fingerprint] : [],
    ),
  }
}

export type Stored = ReadBaseline & { file: string }

/** Every baseline of a project, sorted by file name; damaged ones with their problem. */
export async function readStored(folder: string): Promise<Stored[]> {
  const names = (await readdir(folder).catch(() => []))
    .filter((name) => name.endsWith('.json') && !otherFiles.has(name))
    .toSorted()
  return Promise.all(
    names.map(async (name): Promise<Stored> => {
      const file = join(folder, name)
      try {
        return { ...parseSealedBaseline((await readIfPresent(file)) ?? '', file), file }
      } catch (error) {
        if (error instanceof UsageError) return { state: 'invalid', problem: error.message, file }
        throw error
      }
    }),
  )
}

/** Writes one of the files in the folder of the baselines, which may not exist yet; returns its path. */
async function writeStored(folder: string, name: string, text: string): Promise<string> {
  await makeFolder(folder)
  await writeWhole(join(folder, name), text)
  return join(folder, name)
}

export async function writeBaseline(folder: string, baseline: Baseline): Promise<string> {
  const name = baselineFile(baseline.suite, baseline.environment.fingerprint)
  return writeStored(folder, name, formatBaseline(baseline))
}

/** The accepted losses; none without the file. */
export async function readWaivers(folder: string): Promise<ReadWaivers> {
  const file = join(folder, waiversFile)
  const text = await readIfPresent(file)
  return text === undefined ? { state: 'ok', waivers: [] } : parseWaivers(text, file)
}

export async function writeWaivers(folder: string, waivers: readonly Waiver[]): Promise<string> {
  const document: Waivers = { schema: 'vigil.waivers/1', waivers: [...waivers] }
  return writeStored(folder, waiversFile, formatReviewedJson(document))
}

/** The changes of level that were acknowledged; none without the file. */
export async function readAcknowledged(folder: string): Promise<Acknowledgement[]> {
  const file = join(folder, acknowledgedFile)
  const text = await readIfPresent(file)
  if (text === undefined) return []
  const read = parseAcknowledged(text, file)
  if (read.state === 'invalid') throw new UsageError(read.problem)
  return read.changes
}

/** The lowest accepted counts; none without the file. */
export async function readCounts(folder: string): Promise<ReadCounts> {
  const file = join(folder, countsFile)
  const text = await readIfPresent(file)
  return text === undefined
    ? { state: 'ok', counts: { schema: 'vigil.counts/1', suites: {} } }
    : parseCounts(text, file)
}

export async function writeCounts(folder: string, counts: LowestCounts): Promise<string> {
  return writeStored(folder, countsFile, formatReviewedJson(counts))
}

/**
 * Throws a usage error if the baseline of a suite on this machine cannot be read: before minutes are spent on
 * a run that could not be compared with it.
 *
 * @param engine with its version
 */
export async function checkBaseline(session: Session, suite: string, engine: string): Promise<void> {
  const { fingerprint } = describeEnvironment(session, engine)
  const found = await findBaseline(storedFolder(session.loaded.file), suite, fingerprint)
  if (found.state === 'invalid') throw new UsageError(found.problem)
}

/**
 * Compares a judged run with the accepted runs of its suite in its environment, and applies the waivers.
 * Without a baseline, a note says how to accept one. What cannot be compared is a row that does not change
 * the verdict.
 */
export async function withBaseline(session: Session, judged: JudgedRun): Promise<JudgedRun> {
  const { run } = judged
  // Such a run has no figures that could be compared.
  if (!run.validity.valid || run.interrupted || run.totals.requests === 0) return judged
  const folder = storedFolder(session.loaded.file)
  const [found, waivers] = [
    await findBaseline(folder, run.suite, run.environment.fingerprint),
    await readWaivers(folder),
  ]
  if (found.state === 'invalid' && found.isAltered) throw new UsageError(found.problem)
  if (waivers.state === 'invalid') return withRows(judged, [invalid(run.suite, 'waivers', waivers.problem)])
  const compared = {
    ...judged,
    ...(found.state === 'ok' && { baseline: toBaselineFigures(found.baseline) }),
    ...(found.state === 'missing' &&
      found.elsewhere.length === 0 &&
      canAccept(judged) && { notes: [howToAccept(run.suite, run.id)] }),
  }
  const known = await readSuiteNoise(
    session.out,
    run.suite,
    run.environment.fingerprint,
    session.progress.warn,
  )
  return withRows(
    {
      ...compared,
      ...(known && { noise: known.noise }),
      notes: [...(compared.notes ?? []), ...(known === undefined ? [] : [known.note])],
    },
    baselineRows(judged, found, waivers.waivers, session.world.now()),
  )
}

function baselineRows(
  judged: JudgedRun,
  found: BaselineLookup,
  waivers: readonly Waiver[],
  nowMs: number,
): VerdictRow[] {
  const { run } = judged
  switch (found.state) {
    case 'ok':
      return applyWaivers(compareWithBaseline(found.baseline, run), waivers, run.suite, nowMs)
    case 'invalid':
      return [invalid(run.suite, 'baseline', found.problem)]
    case 'missing': {
      const fingerprint = run.environment.fingerprint
      const otherMachine: VerdictRow[] =
        found.elsewhere.length === 0
          ? []
          : [
              {
                rule: 'baseline',
                suite: run.suite,
                step: null,
                metric: 'environment',
                status: 'skipped',
                message:
                  `not compared: runs were accepted on ${found.elsewhere.slice(0, 4).join(', ')}, ` +
                  `this one was measured on ${fingerprint}: the difference would be that of the machines` +
                  (canAccept(judged) ? `; ${howToAccept(run.suite, run.id)}` : ''),
              },
            ]
      return applyWaivers(otherMachine, waivers, run.suite, nowMs)
    }
  }
}

function withRows(judged: JudgedRun, rows: readonly VerdictRow[]): JudgedRun {
  const all = [...judged.verdict.rows, ...rows]
  const newest = judged.baseline?.runs.at(-1)
  return {
    ...judged,
    verdict: {
      ...judged.verdict,
      verdict: toVerdictWord(all),
      rows: all,
      ...(newest !== undefined && { baseline: newest }),
    },
  }
}

function invalid(suite: string, metric: string, problem: string): VerdictRow {
  return { rule: 'baseline', suite, step: null, metric, status: 'invalid', message: problem }
}

/** Whether `vigil baseline accept` takes the run: no advice leads to a refusal. */
function canAccept({ run, verdict }: JudgedRun): boolean {
  return acceptRuns(undefined, [{ run, verdict }]).state === 'ok'
}

function howToAccept(suite: string, id: string): string {
  return (
    `suite ${suite} has no baseline on this machine: accept ${minAccepted} runs that passed, ` +
    `preferably from different hours: vigil baseline accept ${id}`
  )
}
