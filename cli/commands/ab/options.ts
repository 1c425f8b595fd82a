import type { ExactRules } from '../../../baselines/exact/index.ts'
import { duetPairs } from '../../../baselines/duet/index.ts'
import type { DuetRules } from '../../../baselines/duet/index.ts'
import { defaultPace } from '../../../load/duet/index.ts'
import type { DuetSuite } from '../../../load/duet/index.ts'
import type { Config } from '../../../config/index.ts'
import type { CommonOptions } from '../../shared/options.ts'
import type { Session } from '../../shared/session.ts'
import { suitePlan } from '../../shared/suites.ts'
import { UsageError } from '../../shared/world.ts'
import { duetName } from '../../shared/known-noise.ts'

export interface AbOptions extends Omit<CommonOptions, 'target'> {
  suite?: string[]
  /** Journeys a second on each side. */
  rate?: number
  pairs?: number
  maxMinutes?: number
  /** Loss accepted, in per cent. */
  margin?: number
  strict?: boolean
  /** `statements=equal`, …: as given. */
  exact?: string[]
  bisect?: string[]
  targetBase?: string
  targetCandidate?: string
}

export const abDefaults = { pairs: duetPairs.usual, maxMinutes: 5 } as const

const requestTimeoutMs = 10_000

/** The suites to be compared: those named, else the config's first that has a rate. */
export function abSuites(session: Session, options: Pick<AbOptions, 'suite' | 'rate'>): DuetSuite[] {
  const { config } = session.loaded
  const names = options.suite ?? firstWithRate(config)
  return names.map((name) => {
    const { suite } = suitePlan(config, name, {
      ...(options.rate !== undefined && { engine: 'k6', rate: options.rate }),
    })
    if (suite.script !== undefined)
      throw new UsageError(
        `suite ${name} is a k6 script: a duet plays journeys, whose every request can go to either side`,
      )
    if (!('ratePerSecond' in suite.load))
      throw new UsageError(
        `suite ${name} keeps connections busy: a duet goes by a rate; name another suite, or a rate with --rate`,
      )
    return {
      name: duetName(name),
      module: session.loaded.journeysModule,
      journeys: session.loaded.journeys,
      mix: Object.entries(suite.journeys ?? {}).map(([journey, weight]) => ({ journey, weight })),
      ratePerSecond: suite.load.ratePerSecond,
      requestTimeoutMs,
      pace: defaultPace,
    }
  })
}

function firstWithRate({ suites }: Config): string[] {
  const found = Object.entries(suites).find(
    ([, suite]) => 'ratePerSecond' in suite.load && suite.script === undefined,
  )
  if (found === undefined)
    throw new UsageError(
      'suites: found none with journeys at a rate, expected one for a duet (or a suite by --suite and a rate by --rate)',
    )
  return [found[0]]
}

const exactForms = ['equal', 'at-most', 'ratchet', 'off'] as const

/** What the command line says of how it is to be judged. */
export function abRules(options: Pick<AbOptions, 'margin' | 'strict' | 'exact'>): DuetRules {
  return {
    strict: options.strict ?? false,
    ...(options.margin !== undefined && { margin: options.margin / 100 }),
    exact: exactRulesOf(options.exact ?? []),
  }
}

function exactRulesOf(given: readonly string[]): ExactRules {
  const rules: ExactRules = {}
  for (const text of given) {
    const [metric = '', form = ''] = text.split('=')
    const kind = exactForms.find((known) => known === form)
    if ((metric !== 'statements' && metric !== 'rows' && metric !== 'bytes') || kind === undefined)
      throw new UsageError(
        `--exact: found ${JSON.stringify(text)}, expected statements, rows or bytes, and =equal, =at-most, =ratchet or =off`,
      )
    rules[metric] = kind === 'at-most' ? { kind: 'at most' } : { kind }
  }
  return rules
}
