import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { loadConfig, suggestName } from '../../../config/index.ts'
import { openSqliteStore, computeUptime } from '../../../synthetics/history/index.ts'
import type { ProbeUptime } from '../../../synthetics/history/index.ts'
import { exitCodes } from '../../exit-codes.ts'
import { printJson, UsageError } from '../../shared/world.ts'
import type { World } from '../../shared/world.ts'
import { damageStamp, historyFile } from '../../shared/history.ts'
import { uptimeText } from './text.ts'
import type { UptimeOptions } from './command.ts'

const dayMs = 86_400_000
/** A result from before the window can be valid into it: that of a daily probe is, for up to a day. */
const reachBackMs = 2 * dayMs

/** Shows probes over time. The exit code says only whether it could, not how they were. */
export async function uptime(
  names: readonly string[],
  options: UptimeOptions,
  world: World,
): Promise<number> {
  const file = historyFile(resolve(world.cwd, options.out))
  if (!existsSync(file))
    throw new UsageError(`${file}: not there yet: results come from 'vigil probe' or 'vigil probe --every'`)
  const toMs = world.now()
  const fromMs = toMs - options.days * dayMs
  const store = openSqliteStore(file, () => damageStamp(world.now))
  try {
    const sinceMs = fromMs - reachBackMs
    const condensedMs = store.condensedUntil()
    const probes = computeUptime(
      store.read({ fromMs: Math.max(sinceMs, condensedMs), toMs }),
      { fromMs, toMs, objective: options.slo / 100, probes: names },
      condensedMs > sinceMs ? store.days({ fromMs: sinceMs, toMs }) : [],
    )
    const silent = await silentProbes(names, options, world, probes)
    if (options.json)
      printJson(world, documentOf(probes, silent, store.problems(), { fromMs, toMs }, options))
    else world.stdout(uptimeText(probes, silent, { days: options.days, slo: options.slo }, world.terminal))
    for (const problem of store.problems()) world.stderr(`vigil: ${problem}\n`)
  } finally {
    store.close()
  }
  return exitCodes.pass.code
}

/**
 * Probes without any result in this time: of those requested, or else of the config. They are always shown.
 */
async function silentProbes(
  names: readonly string[],
  options: UptimeOptions,
  world: World,
  found: readonly ProbeUptime[],
): Promise<string[]> {
  const config = await loadConfig(world.cwd, options.config)
  const configured = config.state === 'ok' ? Object.keys(config.loaded.config.probes ?? {}) : []
  const known = [...new Set([...configured, ...found.map(({ probe }) => probe)])]
  // Without a config, only the probes in the history are known.
  const unknown = config.state === 'ok' ? names.find((name) => !known.includes(name)) : undefined
  if (unknown !== undefined)
    throw new UsageError(
      `probe ${JSON.stringify(unknown)} is neither in the config nor in the ` +
        `history${suggestName(unknown, known)}`,
    )
  return (names.length > 0 ? names : configured).filter((name) => !found.some(({ probe }) => probe === name))
}

function documentOf(
  probes: readonly ProbeUptime[],
  silent: readonly string[],
  problems: readonly string[],
  { fromMs, toMs }: { fromMs: number; toMs: number },
  { slo }: UptimeOptions,
): object {
  return {
    schema: 'vigil.uptime/1',
    from: iso(fromMs),
    to: iso(toMs),
    slo: slo / 100,
    probes: probes.map(
      ({ probe, target, sinceMs, results, shares, objective, lastHour, steps, days, months, incidents }) => ({
        probe,
        target,
        since: iso(sinceMs),
        results,
        shares,
        objective,
        lastHour,
        steps,
        days: days.map((period) => ({ day: period.label, ...period.shares })),
        months: months.map((period) => ({ month: period.label, ...period.shares })),
        incidents: incidents.map((incident) => ({
          from: iso(incident.fromMs),
          to: incident.toMs === undefined ? null : iso(incident.toMs),
          down: incident.down,
        })),
      }),
    ),
    silent,
    problems,
  }
}

function iso(ms: number): string {
  return new Date(ms).toISOString()
}
