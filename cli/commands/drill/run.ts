import { rmSync } from 'node:fs'
import { randomBytes } from 'node:crypto'
import { dirname, join, resolve } from 'node:path'
import { suggestName } from '../../../config/index.ts'
import {
  drillListDocument,
  drillListText,
  drillsDocument,
  drillsJunit,
  findDrills,
  drillsPage,
  drillsText,
  findDrillTools,
  runDrills,
  startDrillEnvironment,
  usualRequestsPerSecond,
  judgeDrills,
} from '../../../monitoring/drills/index.ts'
import type { Drill, DrillsReport, DrillResult } from '../../../monitoring/drills/index.ts'
import { makeFolder, writeWhole } from '../../../record/store/index.ts'
import { exitCodeOf, exitCodes } from '../../exit-codes.ts'
import { printJson, UsageError } from '../../shared/world.ts'
import type { World } from '../../shared/world.ts'
import { newRunId, openSession } from '../../shared/session.ts'
import type { Session } from '../../shared/session.ts'
import { drillDeployment, pushGoodDrill } from './deployment.ts'
import { drillOwnRules, hasOnlyGenerated } from './generated.ts'
import type { DrillOptions } from './command.ts'

/**
 * Drills alerts: with a stage of real processes, or, with `--prometheus` and `--alertmanager`, a deployment.
 */
export async function drill(names: readonly string[], options: DrillOptions, world: World): Promise<number> {
  const session = await openSession(options, world)
  if (options.prometheus !== undefined || options.alertmanager !== undefined)
    return drillDeployment(session, names, options)
  if (hasOnlyGenerated(session, options)) return drillOwnRules(session, names, options)
  const chosen = findDrills(names)
  if (chosen.state === 'usage-error')
    throw new UsageError(
      `drill ${JSON.stringify(chosen.name)}: no alert of that name${suggestName(chosen.name, chosen.known)}`,
    )
  const width = world.terminal.stdoutIsTerminal ? world.terminal.width : 160
  if (options.list) {
    if (options.json) printJson(world, drillListDocument(chosen.drills))
    else world.stdout(drillListText(chosen.drills, width))
    return exitCodes.pass.code
  }
  const folder = join(session.out, 'drills', newRunId(session, 'drill'))
  await makeFolder(folder)
  const report = await onStage(session, options, chosen.drills, folder)
  await writeWhole(
    join(folder, 'drills.json'),
    `${JSON.stringify(drillsDocument(report, options.speed), null, 2)}\n`,
  )
  // A line for each: what they contain is data, and opens in no browser.
  await writeWhole(
    join(folder, 'messages.jsonl'),
    report.messages.map((message) => `${JSON.stringify(message)}\n`).join(''),
  )
  await writeWhole(join(folder, 'junit.xml'), drillsJunit(report))
  const page = join(folder, 'report.html')
  await writeWhole(page, drillsPage(report, options.speed))
  if (options.json) printJson(world, drillsDocument(report, options.speed))
  else world.stdout(`${drillsText(report, options.speed, width)}Report: ${page}\n`)
  const verdict = judgeDrills(report)
  if (verdict === 'pass' && names.length === 0) await pushGoodDrill(session, report.seconds)
  return exitCodeOf(verdict)
}

function nothing(problem: string): DrillsReport {
  return { results: [], unexpected: [], problems: [problem], seconds: 0, messages: [] }
}

/** Plays the drills on a stage that is started for them and ended however they end. */
async function onStage(
  session: Session,
  options: DrillOptions,
  drills: readonly Drill[],
  folder: string,
): Promise<DrillsReport> {
  const { world, loaded, progress } = session
  const { target } = loaded.config
  if (!target.command)
    throw new UsageError(`${loaded.file}: target.command: missing, expected how the service is started`)
  const tools = await findDrillTools({
    env: world.env,
    progress: progress.phase,
    signal: world.interrupted,
  })
  if (tools.state === 'usage-error') throw new UsageError(tools.reason)
  if (tools.state !== 'ok') return nothing(tools.reason)
  progress.phase(
    'starting the stage: the service, its database, Prometheus, Alertmanager, exporters, probes, receivers',
  )
  const scratch = join(folder, 'stage')
  const started = await startDrillEnvironment({
    monitoring: resolve(world.cwd, options.monitoring ?? join(dirname(loaded.file), 'monitoring')),
    folder: scratch,
    speed: options.speed,
    tools: tools.tools,
    service: {
      command: target.command,
      cwd: dirname(loaded.file),
      env: { ...world.env, ...target.env, ...drillEnvironment },
      ready: target.ready ?? '/',
    },
    faultsToken: randomBytes(24).toString('hex'),
    usualPerSecond: usualRequestsPerSecond,
    now: world.now,
    signal: world.interrupted,
  })
  if (started.state === 'failed') return nothing(world.interrupted.aborted ? 'interrupted' : started.reason)
  const console = drillConsole(session, drills.length, options.quiet ?? false)
  try {
    return await runDrills({
      drills,
      environment: started.environment,
      speed: options.speed,
      unique: world.now().toString(36),
      now: world.now,
      signal: world.interrupted,
      reportStep: console.step,
      reportResult: console.finished,
    })
  } finally {
    console.done()
    await started.environment.stop()
    // What it kept is worth nothing afterwards; what it found is in the report.
    rmSync(scratch, { recursive: true, force: true })
  }
}

/**
 * The limits of production for users, which is what alerts on limits compare with; room for one address, from
 * which all of a drill comes. No telemetry endpoint, and no log, since no one would read them.
 */
const drillEnvironment = {
  RATE_LIMIT_PER_MINUTE: '100',
  AUTH_RATE_LIMIT_PER_MINUTE: '5000',
  LOG_LEVEL: 'silent',
  OTEL_EXPORTER_OTLP_ENDPOINT: '',
  LOG_DIR: '',
  METRICS_TOKEN: '',
}

/** Shows the progress of drills on stderr: a line for each that ended, and a live line on a terminal. */
export interface DrillConsole {
  step: (drill: Drill, step: string) => void
  finished: (result: DrillResult) => void
  done: () => void
}

export function drillConsole({ world }: Session, total: number, quiet: boolean): DrillConsole {
  const live = world.terminal.stderrIsTerminal && !quiet
  const running = new Map<string, string>()
  let ended = 0
  const clear = (): void => {
    if (live) world.stderr('\r\u001B[2K')
  }
  const draw = (): void => {
    if (!live) return
    const steps = [...running].map(([name, step]) => `${name}: ${step}`)
    const line = `  ${ended} of ${total}  ${steps.join('  ')}`
    world.stderr(`\r\u001B[2K${line.slice(0, Math.max(20, world.terminal.width - 1))}`)
  }
  return {
    step: ({ requirement }, step) => {
      running.set(requirement, step)
      draw()
    },
    finished: (result) => {
      running.delete(result.requirement)
      ended += 1
      clear()
      if (!quiet) world.stderr(`  ${resultLine(result)}\n`)
      draw()
    },
    done: clear,
  }
}

function resultLine({ requirement, alert, state, hop, why, fireSeconds, deliveredTo }: DrillResult): string {
  const name = `${requirement} ${alert}`
  if (state === 'passed')
    return (
      `ok    ${name}: fired after ${fireSeconds ?? 0} s, delivered to ${deliveredTo.length} ` +
      (deliveredTo.length === 1 ? 'receiver' : 'receivers')
    )
  return state === 'failed' ? `LOST  ${name}: ${hop ?? ''}: ${why ?? ''}` : `      ${name}: interrupted`
}
