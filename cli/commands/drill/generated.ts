import { existsSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { drillGenerated, generatedAlert } from '../../../monitoring/drills/index.ts'
import { locateGenerated } from '../../../monitoring/stack/index.ts'
import { suggestName } from '../../../config/index.ts'
import { makeFolder } from '../../../record/store/index.ts'
import { exitCodes } from '../../exit-codes.ts'
import { findTools, generatedTools, planService } from '../../shared/stack.ts'
import { newRunId } from '../../shared/session.ts'
import type { Session } from '../../shared/session.ts'
import { printJson, UsageError } from '../../shared/world.ts'
import type { DrillOptions } from './command.ts'

/** Longer than the time limits of all attempts of a probe. */
const timeoutMs = 120_000

/** Whether a config has only what `vigil init --monitoring` wrote, and no configuration of its own. */
export function hasOnlyGenerated({ loaded }: Session, { monitoring }: DrillOptions): boolean {
  const folder = dirname(loaded.file)
  const { rules, routes } = locateGenerated(folder)
  const own = join(folder, 'monitoring', 'prometheus', 'prometheus.yml')
  return monitoring === undefined && !existsSync(own) && existsSync(rules) && existsSync(routes)
}

/** Drills the one alert that needs no faults of the service: it is ended, and started again. */
export async function drillOwnRules(
  session: Session,
  names: readonly string[],
  options: DrillOptions,
): Promise<number> {
  const { world, loaded, progress, out } = session
  const unknown = names.find((name) => name !== generatedAlert)
  if (unknown !== undefined)
    throw new UsageError(
      `drill ${JSON.stringify(unknown)}: no drill of that name${suggestName(unknown, [generatedAlert])}`,
    )
  const about = 'ends the service until its alert has arrived, and starts it again'
  if (options.list) {
    if (options.json)
      printJson(world, { schema: 'vigil.drills/1', drills: [{ alert: generatedAlert, about }] })
    else world.stdout(`${generatedAlert}  ${about}\n`)
    return exitCodes.pass.code
  }
  if (loaded.config.target.command === undefined)
    throw new UsageError(`${loaded.file}: target.command: missing, expected how the service is started`)
  const tools = await findTools(session, generatedTools)
  if (tools === undefined) return exitCodes.invalid.code
  const folder = join(out, 'drills', newRunId(session, 'drill'))
  await makeFolder(folder)
  const result = await drillGenerated({
    ...locateGenerated(dirname(loaded.file)),
    ...planService(session, join(folder, 'probes'), '1s'),
    metricsPath: undefined,
    hasProbes: true,
    folder,
    tools,
    speed: options.speed,
    timeoutMs,
    report: progress.phase,
  })
  rmSync(folder, { recursive: true, force: true })
  if (options.json) printJson(world, { schema: 'vigil.drills/1', alert: generatedAlert, ...result })
  else
    world.stdout(
      result.state === 'ok'
        ? `ok    ${generatedAlert}: arrived at ${result.receivers.join(', ')} ` +
            `after ${result.firedSeconds} s, resolved after ${result.resolvedSeconds} s\n`
        : `LOST  ${generatedAlert}: ${result.reason}\n`,
    )
  if (result.state === 'invalid') return exitCodes.usageError.code
  return result.state === 'ok'
    ? exitCodes.pass.code
    : result.state === 'failed'
      ? exitCodes.fail.code
      : exitCodes.invalid.code
}
