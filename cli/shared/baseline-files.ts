import { mkdir, readdir, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { baselineFile, parseBaseline, parseWaivers, reviewedJson } from '../../baselines/accepted/index.ts'
import type { Baseline, ReadBaseline, ReadWaivers, Waiver, Waivers } from '../../baselines/accepted/index.ts'
import { parseCounts } from '../../baselines/exact/index.ts'
import type { LowestCounts, ReadCounts } from '../../baselines/exact/index.ts'
import { writeWhole } from '../../record/store.ts'

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
  const text = await textOf(file)
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
      ...parseBaseline((await textOf(join(folder, name))) ?? '', join(folder, name)),
      file: join(folder, name),
    })),
  )
}

export async function writeBaseline(folder: string, baseline: Baseline): Promise<string> {
  const file = join(folder, baselineFile(baseline.suite, baseline.environment.fingerprint))
  await mkdir(folder, { recursive: true })
  await writeWhole(file, reviewedJson(baseline))
  return file
}

/** The losses that were accepted; none when there is no file. */
export async function readWaivers(folder: string): Promise<ReadWaivers> {
  const file = join(folder, waiversFile)
  const text = await textOf(file)
  return text === undefined ? { state: 'read', waivers: [] } : parseWaivers(text, file)
}

export async function writeWaivers(folder: string, waivers: readonly Waiver[]): Promise<string> {
  const file = join(folder, waiversFile)
  const document: Waivers = { schema: 'vigil.waivers/1', waivers: [...waivers] }
  await mkdir(folder, { recursive: true })
  await writeWhole(file, reviewedJson(document))
  return file
}

/** The lowest counts that were accepted; none when there is no file. */
export async function readCounts(folder: string): Promise<ReadCounts> {
  const file = join(folder, countsFile)
  const text = await textOf(file)
  return text === undefined
    ? { state: 'read', counts: { schema: 'vigil.counts/1', suites: {} } }
    : parseCounts(text, file)
}

export async function writeCounts(folder: string, counts: LowestCounts): Promise<string> {
  const file = join(folder, countsFile)
  await mkdir(folder, { recursive: true })
  await writeWhole(file, reviewedJson(counts))
  return file
}

/** A file's text; undefined when it is not there. What else the disk refuses is thrown. */
export async function textOf(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}
