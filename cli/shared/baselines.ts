import { mkdir, readdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import {
  baselineFile,
  parseBaseline,
  parseWaivers,
  formatReviewedJson,
  toBaselineFigures,
  compareWithBaseline,
  minAccepted,
  applyWaivers,
} from '../../baselines/accepted/index.ts'
import type { Baseline, ReadBaseline, ReadWaivers, Waiver, Waivers } from '../../baselines/accepted/index.ts'
import { parseCounts } from '../../baselines/exact/index.ts'
import type { LowestCounts, ReadCounts } from '../../baselines/exact/index.ts'
import { writeWhole } from '../../record/store.ts'
import { toVerdictWord } from '../../baselines/index.ts'
import type { VerdictRow } from '../../baselines/index.ts'
import type { JudgedRun } from './artefacts.ts'
import type { Session } from './session.ts'
import { readIfPresent } from './world.ts'
import { noiseNote } from './known-noise.ts'

/** Beside the baselines, in the same folder. */
const budgetsFile = 'budgets.json'
const waiversFile = 'waivers.json'
const countsFile = 'counts.json'
const others: ReadonlySet<string> = new Set([budgetsFile, waiversFile, countsFile])

/** Where a project keeps what it accepted: committed files, beside its config. */
export function storedFolder(configFile: string): string {
  return join(dirname(configFile), 'baselines', 'stored')
}

export type Found = ReadBaseline | { state: 'none'; elsewhere: string[] }

/** The baseline of a suite in an environment; when there is none, the environments that there are some for. */
export async function findBaseline(folder: string, suite: string, fingerprint: string): Promise<Found> {
  const file = join(folder, baselineFile(suite, fingerprint))
  const text = await readIfPresent(file)
  if (text !== undefined) {
    const read = parseBaseline(text, file)
    const { suite: of, environment } =
      read.state === 'read' ? read.baseline : { suite, environment: { fingerprint } }
    return of === suite && environment.fingerprint === fingerprint
      ? read
      : {
          state: 'refused',
          problem: `${file}: is of suite ${of} on ${environment.fingerprint}, expected ${suite} on ${fingerprint}: a baseline is not moved to another environment`,
        }
  }
  const elsewhere = (await readStored(folder)).filter(
    (stored) => stored.state === 'read' && stored.baseline.suite === suite,
  )
  return {
    state: 'none',
    elsewhere: elsewhere.flatMap((stored) =>
      stored.state === 'read' ? [stored.baseline.environment.fingerprint] : [],
    ),
  }
}

export type Stored = ReadBaseline & { file: string }

/** Every baseline of a project by the name of its file; damaged ones with their problem. */
export async function readStored(folder: string): Promise<Stored[]> {
  const names = (await readdir(folder).catch(() => []))
    .filter((name) => name.endsWith('.json') && !others.has(name))
    .toSorted()
  return Promise.all(
    names.map(async (name): Promise<Stored> => ({
      ...parseBaseline((await readIfPresent(join(folder, name))) ?? '', join(folder, name)),
      file: join(folder, name),
    })),
  )
}

export async function writeBaseline(folder: string, baseline: Baseline): Promise<string> {
  const file = join(folder, baselineFile(baseline.suite, baseline.environment.fingerprint))
  await mkdir(folder, { recursive: true })
  await writeWhole(file, formatReviewedJson(baseline))
  return file
}

/** The losses that were accepted; none when there is no file. */
export async function readWaivers(folder: string): Promise<ReadWaivers> {
  const file = join(folder, waiversFile)
  const text = await readIfPresent(file)
  return text === undefined ? { state: 'read', waivers: [] } : parseWaivers(text, file)
}

export async function writeWaivers(folder: string, waivers: readonly Waiver[]): Promise<string> {
  const file = join(folder, waiversFile)
  const document: Waivers = { schema: 'vigil.waivers/1', waivers: [...waivers] }
  await mkdir(folder, { recursive: true })
  await writeWhole(file, formatReviewedJson(document))
  return file
}

/** The lowest counts that were accepted; none when there is no file. */
export async function readCounts(folder: string): Promise<ReadCounts> {
  const file = join(folder, countsFile)
  const text = await readIfPresent(file)
  return text === undefined
    ? { state: 'read', counts: { schema: 'vigil.counts/1', suites: {} } }
    : parseCounts(text, file)
}

export async function writeCounts(folder: string, counts: LowestCounts): Promise<string> {
  const file = join(folder, countsFile)
  await mkdir(folder, { recursive: true })
  await writeWhole(file, formatReviewedJson(counts))
  return file
}

/**
 * Holds a judged run against what was accepted of its suite in its environment, and lets waivers stand for losses that were accepted.
 * Without a baseline a note says how to have one; what cannot be compared is told in a row and changes no verdict.
 */
export async function withBaseline(session: Session, judged: JudgedRun): Promise<JudgedRun> {
  const { run } = judged
  // Nothing is known of such a run that could be held against anything.
  if (!run.validity.valid || run.interrupted || run.totals.requests === 0) return judged
  const folder = storedFolder(session.loaded.file)
  const [found, waivers] = [
    await findBaseline(folder, run.suite, run.environment.fingerprint),
    await readWaivers(folder),
  ]
  if (waivers.state === 'refused') return withRows(judged, [invalid(run.suite, 'waivers', waivers.problem)])
  const held = {
    ...judged,
    ...(found.state === 'read' && { baseline: toBaselineFigures(found.baseline) }),
    ...(found.state === 'none' &&
      found.elsewhere.length === 0 && { notes: [howToAccept(run.suite, run.id)] }),
  }
  const noise = await noiseNote(session.out, run.suite, run.environment.fingerprint, session.progress.warn)
  return withRows(
    { ...held, notes: [...(held.notes ?? []), ...(noise === undefined ? [] : [noise])] },
    rowsFor(judged, found, waivers.waivers, session.world.now()),
  )
}

function rowsFor({ run }: JudgedRun, found: Found, waivers: readonly Waiver[], nowMs: number): VerdictRow[] {
  switch (found.state) {
    case 'read':
      return applyWaivers(compareWithBaseline(found.baseline, run), waivers, run.suite, nowMs)
    case 'refused':
      return [invalid(run.suite, 'baseline', found.problem)]
    case 'none': {
      const here = run.environment.fingerprint
      const unlike: VerdictRow[] =
        found.elsewhere.length === 0
          ? []
          : [
              {
                rule: 'baseline',
                suite: run.suite,
                step: null,
                metric: 'environment',
                status: 'skipped',
                message: `not compared: runs were accepted on ${found.elsewhere.slice(0, 4).join(', ')}, this one was made on ${here}: the machine would decide, not the code; ${howToAccept(run.suite, run.id)}`,
              },
            ]
      return applyWaivers(unlike, waivers, run.suite, nowMs)
    }
  }
}

function withRows(judged: JudgedRun, rows: readonly VerdictRow[]): JudgedRun {
  const all = [...judged.verdict.rows, ...rows]
  const against = judged.baseline?.runs.at(-1)
  return {
    ...judged,
    verdict: {
      ...judged.verdict,
      verdict: toVerdictWord(all),
      rows: all,
      ...(against !== undefined && { baseline: against }),
    },
  }
}

function invalid(suite: string, metric: string, problem: string): VerdictRow {
  return { rule: 'baseline', suite, step: null, metric, status: 'invalid', message: problem }
}

function howToAccept(suite: string, id: string): string {
  return `suite ${suite} has no baseline on this machine: accept ${minAccepted} runs that passed, best of several hours: vigil baseline accept ${id}`
}
