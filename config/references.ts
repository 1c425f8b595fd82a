import type { Journey } from '../journeys/index.ts'
import { suggestName } from './problems.ts'
import type { Config, ProbeConfig, SuiteConfig } from './schema.ts'

/** A problem of a config: its path, and what was expected and found. */
export interface ConfigProblem {
  path: string
  message: string
}

/** Finds what the shape cannot express: which settings go together, and names that do not exist. */
export function findReferenceProblems(config: Config, journeys: readonly Journey[]): ConfigProblem[] {
  const names = journeys.map(({ name }) => name)
  return [
    ...Object.entries(config.suites).flatMap(([name, suite]) =>
      findSuiteProblems(suite, `suites.${name}`, journeys),
    ),
    ...Object.entries(config.probes ?? {}).flatMap(([name, probe]) =>
      findProbeProblems(probe, `probes.${name}`, names),
    ),
    ...findUnknownNames(config.gate?.suites ?? [], Object.keys(config.suites), 'gate.suites', 'suite'),
    ...findUnknownNames(config.gate?.probes ?? [], Object.keys(config.probes ?? {}), 'gate.probes', 'probe'),
    ...(config.target.command && !config.target.ready
      ? [
          {
            path: 'target.ready',
            message: 'expected the path that answers 2xx once the command is up, got nothing',
          },
        ]
      : []),
  ]
}

function findSuiteProblems(suite: SuiteConfig, at: string, journeys: readonly Journey[]): ConfigProblem[] {
  const problems: ConfigProblem[] = []
  if ((suite.journeys === undefined) === (suite.script === undefined)) {
    const found = suite.journeys === undefined ? 'neither' : 'both'
    problems.push({ path: at, message: `expected either journeys or script, got ${found}` })
  }
  if (suite.journeys && Object.keys(suite.journeys).length === 0)
    problems.push({ path: `${at}.journeys`, message: 'expected at least one journey, got none' })
  if (suite.script !== undefined && suite.engine !== 'k6')
    problems.push({
      path: `${at}.engine`,
      message: `expected k6, because a script is a k6 script, got ${suite.engine}`,
    })
  const chosen = Object.keys(suite.journeys ?? {})
  for (const { name, steps } of journeys) {
    const polling = chosen.includes(name) ? steps.find((step) => step.until !== undefined) : undefined
    if (polling)
      problems.push({
        path: `${at}.journeys.${name}`,
        message:
          `expected a journey that does not wait, got one whose step ${polling.name} waits (until): ` +
          'waiting makes no steady load, so use this journey in a probe',
      })
  }
  return [
    ...problems,
    ...findUnknownNames(
      chosen,
      journeys.map(({ name }) => name),
      `${at}.journeys`,
      'journey',
    ),
  ]
}

function findProbeProblems(probe: ProbeConfig, at: string, journeys: readonly string[]): ConfigProblem[] {
  return 'journey' in probe ? findUnknownNames([probe.journey], journeys, `${at}.journey`, 'journey') : []
}

function findUnknownNames(
  found: readonly string[],
  known: readonly string[],
  at: string,
  what: string,
): ConfigProblem[] {
  return found
    .filter((name) => !known.includes(name))
    .map((name) => ({
      path: at,
      message: `expected the name of a ${what}, got ${JSON.stringify(name)}${suggestName(name, known)}`,
    }))
}
