import type { z } from 'zod'
import type { Journey } from '../journeys/index.ts'
import { nearest } from './names.ts'
import type { configSchema } from './schema.ts'
import type { Config, ProbeConfig, SuiteConfig } from './config.ts'

type Shaped = z.infer<typeof configSchema>

/** A problem with the config: where in it, and what was found against what was expected. */
export interface ConfigProblem {
  path: string
  message: string
}

/** What the shape alone cannot say: which settings go together, and that each name stands for something. */
export function referenceProblems(config: Shaped, journeys: readonly Journey[]): ConfigProblem[] {
  const names = journeys.map(({ name }) => name)
  return [
    ...Object.entries(config.suites).flatMap(([name, suite]) =>
      suiteProblems(suite, `suites.${name}`, journeys),
    ),
    ...Object.entries(config.probes ?? {}).flatMap(([name, probe]) =>
      probeProblems(probe, `probes.${name}`, names),
    ),
    ...unknownNames(config.gate?.suites ?? [], Object.keys(config.suites), 'gate.suites', 'suite'),
    ...unknownNames(config.gate?.probes ?? [], Object.keys(config.probes ?? {}), 'gate.probes', 'probe'),
    ...(config.target.command && !config.target.ready
      ? [
          {
            path: 'target.ready',
            message: 'missing, expected the path that answers 2xx once the command is up',
          },
        ]
      : []),
  ]
}

function suiteProblems(
  suite: Shaped['suites'][string],
  at: string,
  journeys: readonly Journey[],
): ConfigProblem[] {
  const problems: ConfigProblem[] = []
  if ((suite.journeys === undefined) === (suite.script === undefined)) {
    problems.push({ path: at, message: 'expected either journeys or script' })
  }
  if (suite.journeys && Object.keys(suite.journeys).length === 0)
    problems.push({ path: `${at}.journeys`, message: 'found none, expected at least one journey' })
  if (suite.script !== undefined && suite.engine !== 'k6')
    problems.push({
      path: `${at}.engine`,
      message: `found ${suite.engine}, expected k6: a script is a k6 script`,
    })
  const wanted = suite.engine === 'k6' ? 'ratePerSecond' : 'connections'
  if (suite.load[wanted] === undefined || Object.keys(suite.load).length !== 1) {
    problems.push({
      path: `${at}.load`,
      message:
        `found ${Object.keys(suite.load).join(' and ') || 'nothing'}, expected ${wanted} alone, which ` +
        `is what ${suite.engine} loads by`,
    })
  }
  const chosen = Object.keys(suite.journeys ?? {})
  for (const { name, steps } of journeys) {
    const waiting = chosen.includes(name) ? steps.find((step) => step.until !== undefined) : undefined
    if (waiting)
      problems.push({
        path: `${at}.journeys.${name}`,
        message:
          `found a journey whose step ${waiting.name} waits (until), expected one that does not: ` +
          'waiting makes no steady load; probe it instead',
      })
  }
  return [
    ...problems,
    ...unknownNames(
      chosen,
      journeys.map(({ name }) => name),
      `${at}.journeys`,
      'journey',
    ),
  ]
}

function probeProblems(
  probe: NonNullable<Shaped['probes']>[string],
  at: string,
  journeys: readonly string[],
): ConfigProblem[] {
  if ((probe.journey === undefined) === (probe.spec === undefined))
    return [{ path: at, message: 'expected either journey or spec' }]
  return unknownNames(
    probe.journey === undefined ? [] : [probe.journey],
    journeys,
    `${at}.journey`,
    'journey',
  )
}

function unknownNames(
  found: readonly string[],
  known: readonly string[],
  at: string,
  what: string,
): ConfigProblem[] {
  return found
    .filter((name) => !known.includes(name))
    .map((name) => ({
      path: at,
      message: `found ${JSON.stringify(name)}, expected the name of a ${what}${nearest(name, known)}`,
    }))
}

/** The config as the contract types it; call it only when there are no problems. */
export function settled(config: Shaped): Config {
  const { probes, suites, ...rest } = config
  return {
    ...rest,
    suites: Object.fromEntries(
      Object.entries(suites).map(([name, suite]) => [name, { ...suite, load: settledLoad(suite.load) }]),
    ),
    ...(probes && {
      probes: Object.fromEntries(Object.entries(probes).map(([name, probe]) => [name, settledProbe(probe)])),
    }),
  }
}

function settledLoad(load: Shaped['suites'][string]['load']): SuiteConfig['load'] {
  return load.ratePerSecond === undefined
    ? { connections: load.connections ?? 1 }
    : { ratePerSecond: load.ratePerSecond }
}

function settledProbe({ journey, spec, ...options }: NonNullable<Shaped['probes']>[string]): ProbeConfig {
  return journey === undefined ? { spec: spec ?? '', ...options } : { journey, ...options }
}
