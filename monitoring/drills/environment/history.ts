import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startChild } from '../../../runtime/processes/index.ts'
import { compressMs } from '../compression/index.ts'
import type { Speed } from '../compression/index.ts'

const dayMs = 86_400_000
const minuteMs = 60_000
/** Often enough for a series that counts as gone five minutes after its last sample. */
const everyMs = 2 * minuteMs
const usage = 'job:user_requests:rate10m'
const weekly = 'job:user_requests:avg7d'

interface HistoryPlan {
  promtool: string
  folder: string
  /** Of a Prometheus that does not run yet. */
  data: string
  usualPerSecond: number
  speed: Speed
  nowMs: number
}

/**
 * Gives Prometheus the two weeks that rules compare with, as if the service had been used evenly: on the drills' clock
 * they are over five hours, which no drill can wait for. The week before had two thirds of the use.
 */
export async function writeHistory(plan: HistoryPlan): Promise<void> {
  mkdirSync(plan.folder, { recursive: true })
  mkdirSync(plan.data, { recursive: true })
  const file = join(plan.folder, 'history.om')
  writeFileSync(file, historyText(plan))
  const end = await startChild(
    plan.promtool,
    ['tsdb', 'create-blocks-from', 'openmetrics', '--quiet', file, plan.data],
    { env: {}, cwd: plan.folder, outputFile: join(plan.folder, 'promtool.log') },
  ).ended
  if (end.state !== 'exited' || end.code !== 0)
    throw new Error('the history of the days before could not be written')
}

/** OpenMetrics: use of the last seven days until 22 hours ago, and what the weekly mean was a week ago, for as long as drills go on. */
export function historyText({
  usualPerSecond,
  speed,
  nowMs,
}: Pick<HistoryPlan, 'usualPerSecond' | 'speed' | 'nowMs'>): string {
  const ago = (ms: number): number => nowMs - compressMs(ms, speed)
  const lines = [
    `# TYPE ${usage} gauge`,
    ...samples(usage, usualPerSecond, ago(7.2 * dayMs), ago(0.9 * dayMs), speed),
  ]
  lines.push(
    `# TYPE ${weekly} gauge`,
    ...samples(weekly, (usualPerSecond * 2) / 3, ago(7.2 * dayMs), ago(6.3 * dayMs), speed),
    '# EOF',
    '',
  )
  return lines.join('\n')
}

function samples(name: string, value: number, fromMs: number, toMs: number, speed: Speed): string[] {
  const step = compressMs(everyMs, speed)
  return Array.from(
    { length: Math.floor((toMs - fromMs) / step) },
    (_, index) => `${name} ${value} ${((fromMs + index * step) / 1000).toFixed(3)}`,
  )
}
