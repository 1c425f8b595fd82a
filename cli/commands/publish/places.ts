import { relative, sep } from 'node:path'
import type { VerdictRow } from '../../../baselines/index.ts'
import type { LoadedConfig } from '../../../config/index.ts'
import { readModules } from '../../../load/engines/k6/index.ts'
import type { SourcePlace } from '../../../reports/ci/index.ts'
import { configSuiteName } from '../../shared/known-noise.ts'
import { readIfPresent } from '../../shared/world.ts'

/**
 * Finds where a row is written: its step in the journeys, else its suite in the config. Steps are found by
 * the text `name: 'step'`, because at run time a journey has no line.
 *
 * @param workspace the top of the repository
 */
export async function createLocator(
  { file, journeysModule }: Pick<LoadedConfig, 'file' | 'journeysModule'>,
  workspace: string,
): Promise<(row: VerdictRow) => SourcePlace | undefined> {
  const modules = await readModules(journeysModule)
  const config = (await readIfPresent(file)) ?? ''
  return (row) => {
    const found = findStep(modules, row.step) ?? { file, line: findSuite(config, row.suite) }
    const path = relative(workspace, found.file).split(sep).join('/')
    return path.startsWith('..') || path.startsWith('/') ? undefined : { path, line: found.line }
  }
}

interface FilePlace {
  file: string
  line: number
}

/** The step after its journey in the same file, else the only step of that name, else the journey. */
function findStep(modules: ReadonlyMap<string, string>, step: string | null): FilePlace | undefined {
  const [journey, name] = splitStep(step)
  if (journey === undefined) return undefined
  const all: FilePlace[] = []
  let ofJourney: FilePlace | undefined
  for (const [file, text] of modules) {
    const start = findNames(text, journey)[0]
    const steps = name === undefined ? [] : findNames(text, name)
    const after = start === undefined ? undefined : steps.find((index) => index > start)
    if (after !== undefined) return { file, line: lineOf(text, after) }
    if (start !== undefined) ofJourney ??= { file, line: lineOf(text, start) }
    all.push(...steps.map((index) => ({ file, line: lineOf(text, index) })))
  }
  return all.length === 1 ? all[0] : ofJourney
}

/** A probe's row names its journey, or another probe, alone. */
function splitStep(step: string | null): [string | undefined, string | undefined] {
  if (step === null || step === '') return [undefined, undefined]
  const slash = step.indexOf('/')
  return slash < 0 ? [step, undefined] : [step.slice(0, slash), step.slice(slash + 1)]
}

function findNames(text: string, name: string): number[] {
  return [...text.matchAll(/\bname:\s*(['"`])(.*?)\1/g)]
    .filter(([, , found]) => found === name)
    .map(({ index }) => index)
}

function lineOf(text: string, index: number): number {
  return text.slice(0, index).split('\n').length
}

/** The line of a suite in the config; the first line where it is not found. */
function findSuite(config: string, suite: string | undefined): number {
  if (suite === undefined) return 1
  const name = configSuiteName(suite)
  const found = [...config.matchAll(/(['"]?)([\w.-]+)\1\s*:/g)].find(([, , key]) => key === name)
  return found === undefined ? 1 : lineOf(config, found.index)
}
