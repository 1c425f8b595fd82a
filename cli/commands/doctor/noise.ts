import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { formatNoise, estimateNoise } from '../../../baselines/noise/index.ts'
import type { KnownNoise, SameCodeUnits, SuiteNoise } from '../../../baselines/noise/index.ts'
import { runDuet } from '../../../load/duet/index.ts'
import type { DuetSuite, Scratch } from '../../../load/duet/index.ts'
import { writeWhole } from '../../../record/store.ts'
import { plain } from '../../../reports/wording/index.ts'
import { exitCodes } from '../../exit-codes.ts'
import { environmentHere, newRunId, openSession, withTargetLock } from '../../shared/session.ts'
import type { Session } from '../../shared/session.ts'
import type { CommonOptions } from '../../shared/options.ts'
import { printJson, UsageError } from '../../shared/world.ts'
import type { World } from '../../shared/world.ts'
import { duetWorld } from '../ab/world.ts'
import { withScratch } from '../ab/run.ts'
import { findK6 } from '../ab/duet.ts'
import type { K6Found } from '../ab/duet.ts'
import { revisionSides, urlSides } from '../ab/sides.ts'
import type { Sides } from '../ab/sides.ts'
import { abSuites } from '../ab/options.ts'
import { suiteOf, noiseFile, readNoise } from '../../shared/known-noise.ts'

export interface NoiseOptions extends Omit<CommonOptions, 'target'> {
  target?: string
  suite?: string[]
  /** Measured on each pair of processes, in seconds. */
  seconds?: number
  /** Fresh pairs of processes. */
  processPairs?: number
}

const defaults = { seconds: 60, processPairs: 3 }
/** Duets drawn from what was measured, to count false alarms: one in a hundred shows as three. */
const draws = 300
/** Starting, warming and ending a pair of processes. */
const besideSeconds = 90

/** Measures how far the same code differs from itself on this machine, and keeps it with the environment. */
export async function doctorNoise(options: NoiseOptions, world: World): Promise<number> {
  const session = await openSession(options, world)
  const suites = abSuites(session, options)
  const k6 = await findK6(session)
  if (k6.state === 'missing') throw new UsageError(`--noise: ${k6.reason}`)
  const { seconds = defaults.seconds, processPairs = defaults.processPairs } = options
  const measured = await withTargetLock(session, async () =>
    withScratch(session, async (scratch) => {
      const made =
        options.target === undefined
          ? await revisionSides(session, { baseline: 'HEAD', candidate: 'HEAD' }, scratch)
          : { state: 'ready' as const, sides: urlSides(session, options.target, options.target) }
      if (made.state === 'failed')
        throw new UsageError(`--noise: the same code could not be made ready twice: ${made.reason}`)
      const found: Record<string, SuiteNoise> = {}
      for (const suite of suites) {
        const noise = await suiteNoise(session, made.sides, suite, {
          k6: k6.k6,
          scratch,
          seconds,
          processPairs,
          quiet: options.quiet ?? false,
        })
        if (noise) found[suiteOf(suite.name)] = noise
      }
      return found
    }),
  )
  if (measured.state === 'unreachable') {
    world.stderr(`vigil: --noise: ${measured.reason}\n`)
    return exitCodes.invalid.code
  }
  return conclude(session, measured.result, k6.k6, options.json ?? false)
}

interface How {
  k6: K6Found
  scratch: Scratch
  seconds: number
  processPairs: number
  quiet: boolean
}

async function suiteNoise(
  session: Session,
  sides: Sides,
  suite: DuetSuite,
  how: How,
): Promise<SuiteNoise | undefined> {
  const duets: SameCodeUnits[] = []
  for (let pair = 0; pair < how.processPairs && !session.world.interrupted.aborted; pair += 1) {
    session.progress.phase(
      `the same code twice, ${suiteOf(suite.name)}: pair of processes ${pair + 1} of ${how.processPairs}`,
    )
    duets.push(await sameCode(session, sides, suite, how))
  }
  return estimateNoise(duets, draws, session.world.random)
}

/** So narrow a margin that no look ends the load before its time: what is wanted is its noise, not its verdict. */
const undecided = {
  margin: 1e-6,
  strict: true,
  cpuMargin: 100,
  exact: { statements: { kind: 'off' }, rows: { kind: 'off' }, bytes: { kind: 'off' } },
} as const

async function sameCode(
  session: Session,
  sides: Sides,
  suite: DuetSuite,
  { k6, scratch, seconds, quiet }: How,
): Promise<SameCodeUnits> {
  const { out } = session
  const id = newRunId(session, `noise-${suite.name}`)
  const logs = join(out, 'noise', id)
  await mkdir(logs, { recursive: true })
  const pairs = Math.max(8, Math.round((seconds * 1000) / suite.pace.unitMs))
  const ended = await runDuet(
    {
      run: id,
      source: sides.source,
      suite,
      targets: sides.targets,
      environment: environmentHere(k6.label),
      rules: undecided,
      pairs,
      once: true,
      deadlineMs: performance.now() + (seconds + besideSeconds) * 1000,
    },
    await duetWorld(session, k6.path, { scratch: join(scratch.folder, id), logs, quiet }),
  )
  if (ended.state === 'usage-error') throw new UsageError(ended.reason)
  const { verdict, units } = ended.outcome
  const problem = verdict.rows.find((row) => row.status === 'invalid')
  if (units.baseline.length < 8 && problem) session.progress.warn(plain(problem.message))
  return units
}

async function conclude(
  { world, out, progress }: Session,
  measured: Record<string, SuiteNoise>,
  k6: K6Found,
  json: boolean,
): Promise<number> {
  const environment = environmentHere(k6.label)
  const earlier = await readNoise(out, progress.warn)
  const kept = earlier?.environment.fingerprint === environment.fingerprint ? earlier.suites : {}
  const noise: KnownNoise = {
    schema: 'vigil.noise/1',
    environment,
    measuredAt: new Date(world.now()).toISOString(),
    suites: { ...kept, ...measured },
  }
  const names = Object.keys(measured)
  if (names.length === 0) {
    world.stderr('vigil: --noise: too little was measured to know the noise of this machine\n')
    return exitCodes.invalid.code
  }
  await mkdir(out, { recursive: true })
  await writeWhole(noiseFile(out), `${JSON.stringify(noise, null, 2)}\n`)
  if (json) printJson(world, noise)
  else
    world.stdout(
      Object.entries(measured)
        .map(([suite, one]) => `${plain(suite, 80)}: ${formatNoise(one, noise.measuredAt)}\n`)
        .join(''),
    )
  return exitCodes.pass.code
}
