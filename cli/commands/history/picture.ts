import { writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { HistoryMetric } from '../../../baselines/change-points/index.ts'
import { historyPage } from '../../../reports/html/index.ts'
import type { HistoryPicture } from '../../../reports/html/index.ts'
import { cleanText } from '../../../reports/wording/index.ts'
import { errorCode } from '../../../runtime/processes/index.ts'
import { exitCodes } from '../../exit-codes.ts'
import { UsageError } from '../../shared/world.ts'
import type { World } from '../../shared/world.ts'
import { changeText, driftText, reachBudget, valueOf } from './text.ts'
import type { HistoryGroup } from './text.ts'

/** Writes a page with one metric of each series. */
export async function writeHistoryPage(
  groups: readonly HistoryGroup[],
  metric: HistoryMetric,
  path: string,
  world: World,
): Promise<number> {
  const file = resolve(world.cwd, path)
  const written = new Date(world.now()).toISOString().slice(0, 16).replace('T', ' ')
  try {
    await writeFile(
      file,
      historyPage(
        groups.map((group) => toPicture(group, metric)),
        `${written} UTC`,
      ),
    )
  } catch (error) {
    throw new UsageError(`${file}: cannot be written (${errorCode(error)}): choose another file`)
  }
  world.stdout(`${groups.length} series written to ${file}\n`)
  return exitCodes.pass.code
}

function toPicture(group: HistoryGroup, metric: HistoryMetric): HistoryPicture {
  const { suite, engine, environment, target, load, runs, budgets } = group
  const changes = group.changes.filter((one) => one.metric === metric)
  const drifts = group.drifts.filter((one) => one.metric === metric)
  const limit = drifts
    .map((drift) => reachBudget(drift, runs, budgets)?.limit)
    .find((one) => one !== undefined)
  const season = group.seasons[metric]
  return {
    title: cleanText(suite, 80),
    conditions: cleanText(`${engine}, environment ${environment}, ${load}, ${target}`, 600),
    metric: metric.endsWith('Ms') ? `${metric.slice(0, -2)} (ms)` : metric,
    points: runs.map((run) => ({
      label: run.startedAt.slice(0, 10),
      ...(run.state === 'valid' && run.requests > 0 && { value: valueOf(run, metric) }),
    })),
    changes,
    drifts,
    ...(limit !== undefined && { budget: limit }),
    findings: [
      ...changes.map(
        (change) =>
          changeText(change, runs, group.isPlain ?? false) +
          (change.acknowledged ? `, acknowledged by ${cleanText(change.acknowledged.owner, 80)}` : ''),
      ),
      ...drifts.map((drift) => driftText(drift, runs, budgets, group.isPlain ?? false)),
      ...(season === undefined ? [] : [`${metric} repeats itself every ${season} runs, which is no change`]),
    ],
  }
}
