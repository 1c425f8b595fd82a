import { join } from 'node:path'
import { formatNoise, estimateNoise } from '../../../baselines/noise/index.ts'
import type { KnownNoise, SameCodeUnits, SuiteNoise } from '../../../baselines/noise/index.ts'
import { runDuet } from '../../../load/duet/index.ts'
import type { DuetSuite, Scratch } from '../../../load/duet/index.ts'
import { makeFolder, writeWhole } from '../../../record/store/index.ts'
import { cleanText } from '../../../reports/wording/index.ts'
import { exitCodes } from '../../exit-codes.ts'
import { toDuetSuites, withScratch } from '../../shared/duet/duets.ts'
import { createDuetWorld } from '../../shared/duet/measure.ts'
import { revisionSides, urlSides } from '../../shared/duet/sides.ts'
import type { Sides, SidesResult } from '../../shared/duet/sides.ts'
import { noiseFile, readNoise, configSuiteName } from '../../shared/known-noise.ts'
import { describeEnvironment, newRunId, openSession } from '../../shared/session.ts'
import { withTargetLock } from '../../shared/target.ts'
import type { Session } from '../../shared/session.ts'
import { findK6 } from '../../shared/suites.ts'
import type { K6 } from '../../shared/suites.ts'
import { printJson, UsageError } from '../../shared/world.ts'
import type { World } from '../../shared/world.ts'
import type { DoctorOptions } from './command.ts'

/** Duets drawn from the measurements to count false alarms: one in a hundred shows as three. */
const draws = 300
/** Time to start, warm up and end a pair of processes. */
const overheadSeconds = 90
const minUnits = 8

/** Measures how much the same code differs from itself on this machine, and keeps it with the environment. */
export async function measureNoise(options: DoctorOptions, world: World): Promise<number> {
  const session = await openSession(options, world)
  const suites = toDuetSuites(session, options.suite)
  const k6 = await findK6(session)
  if (k6.state === 'missing') {
    world.stderr(`vigil: --noise: ${cleanText(k6.reason, 600)}\n`)
    return exitCodes.invalid.code
  }
  const result = await withTargetLock(session, async () =>
    withScratch(session, async (scratch) => {
      const prepared = await sameCodeTwice(session, options, scratch)
      if (prepared.state === 'failed')
        return {
          state: 'unavailable' as const,
          reason: `cannot prepare the same code twice: ${prepared.reason}`,
        }
      const noises: Record<string, SuiteNoise> = {}
      for (const suite of suites) {
        const noise = await measureSuiteNoise(session, options, suite, {
          sides: prepared.sides,
          k6,
          scratch,
        })
        if (noise) noises[configSuiteName(suite.name)] = noise
      }
      return { state: 'ok' as const, noises }
    }),
  )
  const measured = result.state === 'ok' ? result.value : result
  if (measured.state === 'unavailable') {
    world.stderr(`vigil: --noise: ${measured.reason}\n`)
    return exitCodes.invalid.code
  }
  return keepNoise(session, options, measured.noises, k6)
}

async function sameCodeTwice(
  session: Session,
  { target }: DoctorOptions,
  scratch: Scratch,
): Promise<SidesResult> {
  return target === undefined
    ? revisionSides(session, { baseline: 'HEAD', candidate: 'HEAD' }, scratch)
    : urlSides(session, target, target)
}

interface Setup {
  sides: Sides
  k6: K6
  scratch: Scratch
}

async function measureSuiteNoise(
  session: Session,
  options: DoctorOptions,
  suite: DuetSuite,
  setup: Setup,
): Promise<SuiteNoise | undefined> {
  const duets: SameCodeUnits[] = []
  for (let pair = 1; pair <= options.processPairs && !session.world.interrupted.aborted; pair += 1) {
    session.progress.phase(
      `the same code twice, ${configSuiteName(suite.name)}: pair of processes ${pair} of ` +
        `${options.processPairs}`,
    )
    duets.push(await measureSameCode(session, suite, setup, options.seconds))
  }
  return estimateNoise(duets, draws, session.world.random)
}

/** A margin too narrow for any look to end the load early: the noise is wanted, not a verdict. */
const neverDecides = {
  margin: 1e-6,
  strict: true,
  cpuMargin: 100,
  exact: { statements: { kind: 'off' }, rows: { kind: 'off' }, bytes: { kind: 'off' } },
} as const

async function measureSameCode(
  session: Session,
  suite: DuetSuite,
  { sides, k6, scratch }: Setup,
  seconds: number,
): Promise<SameCodeUnits> {
  const id = newRunId(session, `noise-${suite.name}`)
  const logs = join(session.out, 'noise', id)
  await makeFolder(logs)
  const result = await runDuet(
    {
      run: id,
      source: sides.source,
      suite,
      targets: sides.targets,
      environment: describeEnvironment(session, k6.label),
      rules: neverDecides,
      pairs: Math.max(minUnits, Math.round((seconds * 1000) / suite.pace.unitMs)),
      once: true,
      deadlineMs: performance.now() + (seconds + overheadSeconds) * 1000,
    },
    await createDuetWorld(session, k6, { scratch: join(scratch.folder, id), logs }),
  )
  session.progress.done()
  if (result.state === 'usage-error') throw new UsageError(result.reason)
  const { verdict, units } = result.outcome
  const problem = verdict.rows.find((row) => row.status === 'invalid')
  if (units.baseline.length < minUnits && problem) session.progress.warn(cleanText(problem.message))
  return units
}

async function keepNoise(
  session: Session,
  { json }: DoctorOptions,
  measured: Record<string, SuiteNoise>,
  k6: K6,
): Promise<number> {
  const { world, out, progress } = session
  if (Object.keys(measured).length === 0) {
    world.stderr('vigil: --noise: too little was measured to estimate the noise of this machine\n')
    return exitCodes.invalid.code
  }
  const environment = describeEnvironment(session, k6.label)
  const earlier = await readNoise(out, progress.warn)
  const kept = earlier?.environment.fingerprint === environment.fingerprint ? earlier.suites : {}
  const noise: KnownNoise = {
    schema: 'vigil.noise/1',
    environment,
    measuredAt: new Date(world.now()).toISOString(),
    suites: { ...kept, ...measured },
  }
  await makeFolder(out)
  await writeWhole(noiseFile(out), `${JSON.stringify(noise, null, 2)}\n`)
  if (json) printJson(world, noise)
  else
    world.stdout(
      Object.entries(measured)
        .map(([suite, one]) => `${cleanText(suite, 80)}: ${formatNoise(one, noise.measuredAt)}\n`)
        .join(''),
    )
  return exitCodes.pass.code
}
