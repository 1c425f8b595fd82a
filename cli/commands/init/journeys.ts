import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { loadJourneys, playSteps } from '../../../journeys/client/index.ts'
import { startContext } from '../../../journeys/index.ts'
import type { Journey } from '../../../journeys/index.ts'
import { toOneLine } from '../../../record/index.ts'
import type { StepResult } from '../../../record/index.ts'
import { readText, TextError } from '../../../record/store/index.ts'
import type { Progress } from '../../shared/progress.ts'
import { UsageError } from '../../shared/world.ts'
import { dropUnusedSaves, findNeeded } from './draft.ts'
import type { DraftJourney } from './draft.ts'
import { exploreResource } from './explore.ts'
import type { Exploration } from './explore.ts'
import { findDocument, findPages } from './find.ts'
import { replay } from './har.ts'
import type { Recording } from './har.ts'
import { groupByResource } from './names.ts'
import { readOperations } from './openapi.ts'
import type { Operation } from './openapi.ts'
import { renderJourneys } from './render.ts'

/** More resources make a load of which no figure is about one. */
const maxResources = 12
const maxDocumentBytes = 32 * 2 ** 20

/** Reads a file that the user named. */
export async function readNamed(cwd: string, path: string, option: string): Promise<string> {
  try {
    const text = await readText(resolve(cwd, path))
    if (text.length <= maxDocumentBytes) return text
    throw new UsageError(
      `${path}: expected at most ${maxDocumentBytes / 2 ** 20} MiB, got ${Math.round(text.length / 2 ** 20)}`,
    )
  } catch (error) {
    if (error instanceof TextError) throw new UsageError(error.message)
    if (error instanceof UsageError) throw error
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    const why =
      code === 'ENOENT' ? 'file not found' : code === 'EISDIR' ? 'is a folder' : `cannot be read (${code})`
    throw new UsageError(`${option} ${path}: ${why}`)
  }
}

export interface Source {
  /** OpenAPI document, already parsed, and its name. */
  document?: { value: unknown; name: string }
  recording?: { recording: Recording; name: string }
  /** Base path of the target's URL, which operations are below. */
  basePath: string
  resources: readonly string[] | undefined
}

/** Journeys of which each step was answered, and the words for where they come from. */
export async function findJourneys(
  source: Source,
  exploration: Exploration,
  progress: Progress,
): Promise<{ journeys: DraftJourney[]; name: string }> {
  if (source.recording) {
    const { recording, name } = source.recording
    progress.phase(`${name}: ${recording.entries.length} requests to ${recording.origin}; sending them again`)
    return { journeys: [await replay(recording, exploration)], name }
  }
  const found = source.document ?? (await discover(exploration, progress))
  if (found === undefined) {
    progress.phase('the service has no OpenAPI document at a usual path: trying its usual pages')
    return { journeys: await findPages(exploration.send, exploration.run), name: 'the pages of the service' }
  }
  const operations = await readOperations(found.value, found.name)
  progress.phase(`${found.name}: ${operations.length} operations; sending them one after another`)
  const below = operations.map((operation) => ({
    ...operation,
    path: belowBase(operation.path, source.basePath),
  }))
  return { journeys: await exploreAll(below, source.resources, exploration, progress), name: found.name }
}

function belowBase(path: string, base: string): string {
  return base !== '' && path.startsWith(`${base}/`) ? path.slice(base.length) : path
}

async function discover(
  { send }: Exploration,
  progress: Progress,
): Promise<{ value: unknown; name: string } | undefined> {
  const found = await findDocument(send)
  if (found === undefined) return undefined
  if ('value' in found) return { value: found.value, name: found.path }
  progress.warn(`${found.path}: ${found.problem}`)
  return undefined
}

async function exploreAll(
  operations: readonly Operation[],
  wanted: readonly string[] | undefined,
  exploration: Exploration,
  progress: Progress,
): Promise<DraftJourney[]> {
  const resources = groupByResource(operations)
  const unknown = wanted?.find((name) => !resources.has(name))
  if (unknown !== undefined)
    throw new UsageError(
      `--resource ${unknown}: found no such resource (there are: ${listNames([...resources.keys()])})`,
    )
  const names = wanted ?? [...resources.keys()].slice(0, maxResources)
  const journeys: DraftJourney[] = []
  for (const name of names) {
    const journey = await exploreResource(name, resources.get(name) ?? [], exploration)
    progress.phase(
      `  ${name}: ${journey.steps.length} of ${journey.steps.length + journey.candidates.length} answered`,
    )
    journeys.push(journey)
  }
  const rest = [...resources.keys()].filter((name) => !names.includes(name))
  if (wanted === undefined && rest.length > 0)
    progress.warn(
      `${rest.length} more resources were not tried (${listNames(rest)}): ` +
        'name those that matter with --resource',
    )
  return journeys
}

const maxNames = 12

function listNames(names: readonly string[]): string {
  return names.slice(0, maxNames).join(', ') + (names.length > maxNames ? ', …' : '')
}

/**
 * Plays the journeys as they will be written, twice, until all that is left passes: a step that fails becomes
 * a candidate, and so do those that need what it saved.
 *
 * @param folder for the modules that are played
 * @returns the text of the journeys module
 */
export async function verify(
  drafts: readonly DraftJourney[],
  name: string,
  hasPackage: boolean,
  folder: string,
  exploration: Exploration,
): Promise<{ journeys: DraftJourney[]; text: string }> {
  let journeys = [...drafts]
  for (let round = 0; ; round += 1) {
    const text = renderJourneys(journeys, name, hasPackage)
    const file = join(folder, `journeys-${round}.ts`)
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, text)
    const loaded = await loadJourneys(file)
    if (loaded.state === 'usage-error')
      throw new Error(`init wrote journeys that do not load: ${loaded.reason}`)
    const failures = await playAll(loaded.journeys, exploration, round)
    if (failures.size === 0) return { journeys, text }
    journeys = journeys.map((journey) => withoutFailed(journey, failures.get(journey.name)))
  }
}

const plays = 2

/** Journey → the first step that failed. */
export async function playAll(
  journeys: readonly Journey[],
  { send, run, secrets }: Exploration,
  round: number,
): Promise<Map<string, StepResult>> {
  const failures = new Map<string, StepResult>()
  for (const { name, steps, before = [], after = [] } of journeys)
    for (let play = 0; play < plays && !failures.has(name); play += 1) {
      const start = startContext(`${run}-${round}`, 1, play, {}, secrets)
      const played = await playSteps([...before, ...steps, ...after], start, send)
      const failed = played.steps.find(({ ok }) => !ok)
      if (failed) failures.set(name, failed)
    }
  return failures
}

function withoutFailed(journey: DraftJourney, failed: StepResult | undefined): DraftJourney {
  if (failed === undefined) return journey
  const gone = new Set<string>()
  const steps: DraftJourney['steps'] = []
  const candidates = [...journey.candidates]
  for (const step of journey.steps) {
    const missing = [...findNeeded(step)].find((name) => gone.has(name))
    if (step.name !== failed.step && missing === undefined) {
      steps.push(step)
      continue
    }
    for (const name of Object.keys(step.saves)) gone.add(name)
    const path = step.path.parts.map((part) => ('text' in part ? part.text : '{…}')).join('')
    const reason =
      missing === undefined
        ? `failed when it was played again: ${toOneLine(failed.message ?? '')}`
        : `needs ${missing}, which no step saves`
    candidates.push({ method: step.method, path, reason })
  }
  return dropUnusedSaves({ ...journey, steps, candidates })
}
