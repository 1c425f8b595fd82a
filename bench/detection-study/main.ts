import { decideDuets, deciders, reached, share, shareError, shareOf, goals } from './deciders.ts'
import type { Decider, Decision, Share, Goal } from './deciders.ts'
import { judgeControl } from '../../baselines/duet/index.ts'
import { scoreDrifts, scoreHistory } from './histories.ts'
import { noiseLevels } from './machine.ts'
import type { NoiseLevel } from './machine.ts'
import { confirmChanges } from './confirmations.ts'
import { failProcessControls } from './process-controls.ts'
import { simulateControl } from './simulations.ts'
import type { HistoryScore } from './histories.ts'
import type { SeriesPlan } from './simulations.ts'

/**
 * Prints the goals of detection as measured by simulation, in Markdown: `node bench/detection-study/main.ts
 * [cases] [series]`. `cases` duets (default 200) for each change and noise level, three times as many where
 * nothing changed; `series` histories (default 400) for each size of step. The same arguments print the same
 * table.
 */
const [cases = 200, series = 400] = process.argv.slice(2).map(Number)
const firstSeed = 1_000_000
const all: Record<string, Decider> = deciders
const names = Object.keys(all)

// Goals on the same duets share them.
const done = new Map<string, Map<string, Decision[]>>()

function decisionsOf({ change, levels, seconds }: Goal, name: string): Decision[] {
  return levels.flatMap((level) => {
    const key = JSON.stringify([change, level, seconds])
    const decisions =
      done.get(key) ??
      decideDuets(
        { change, level, seconds },
        all,
        Object.keys(change).length === 0 ? 3 * cases : cases,
        firstSeed,
      )
    done.set(key, decisions)
    return decisions.get(name) ?? []
  })
}

function percent(measured: Share): string {
  return Number.isNaN(share(measured))
    ? '–'
    : `${(share(measured) * 100).toFixed(1)} ± ${(shareError(measured) * 100).toFixed(1)} %`
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}

print(`| duets of 24 pairs | noise | counted | goal | duets | ${names.join(' | ')} |`)
print(`|---|---|---|---|---|${'---|'.repeat(names.length)}`)
for (const goal of goals) {
  const shares = names.map((name) => shareOf(goal, decisionsOf(goal, name)))
  const bound =
    'least' in goal.bound
      ? `≥ ${Math.round(goal.bound.least * 100)} %`
      : `≤ ${Math.round(goal.bound.most * 100)} %`
  const own = shares[0] ?? { count: 0, cases: 0 }
  print(
    `| ${goal.name}, ${goal.seconds} s | ` +
      `${goal.levels.length === 4 ? 'all' : goal.levels.join(', ')} | ${goal.counted} | ${bound} | ` +
      `${own.cases} | ${reached(goal, own) ? '' : '**missed** '}${shares.map(percent).join(' | ')} |`,
  )
}

const controlled = Object.keys(noiseLevels).flatMap((level) =>
  Array.from({ length: 3 * cases }, (_, index) => {
    const plan = { level: level as NoiseLevel, pairs: 24, seconds: 2.5 }
    return judgeControl(simulateControl(plan, firstSeed + index), {})?.failed !== undefined
  }),
)
const failed = { count: controlled.filter(Boolean).length, cases: controlled.length }
print('')
print(`The control of a duet fails in ${failed.count} of ${failed.cases} duets: ${percent(failed)}.`)
const confirmed = {
  nothing: {},
  'processes 1 % apart': { all: 1.01 },
  'processes 2 % apart': { all: 1.02 },
  '+5 %': { all: 1.05 },
  '+20 %': { all: 1.2 },
}
for (const [name, change] of Object.entries(confirmed))
  for (const design of ['2.5 s', '1.25 s'] as const) {
    const confirmations = confirmChanges(design, change, cases, firstSeed)
    print(
      `Units of ${design} confirm ${name} in ${confirmations.count} of ${confirmations.cases}, ` +
        `after ${confirmations.seconds.toFixed(1)} s of load.`,
    )
  }
for (const deviation of [0, 0.007, 0.01, 0.02]) {
  const processes = failProcessControls(deviation, 3 * cases, firstSeed)
  print(
    `Where two processes differ by ${deviation * 100} % (standard deviation), a second copy of the ` +
      `baseline (--control) fails in ${processes.count} of ${processes.cases}: ${percent(processes)}.`,
  )
}
print('')
print(
  `| histories (${series} a row) | precision | recall, metric by metric | recall, by any | distance ` +
    '| false points in clean series |',
)
print('|---|---|---|---|---|---|')
for (const factor of [1.07, 1.1, 1.2]) print(historyLine(factor, scoreHistory(factor, series, firstSeed)))

function historyLine(factor: number, score: HistoryScore): string {
  const precision = { count: score.hits, cases: score.reported + score.falsePoints }
  return (
    `| ±${Math.round((factor - 1) * 100)} % | ${percent(precision)} | ` +
    `${percent({ count: score.hits, cases: score.changes })} | ` +
    `${percent({ count: score.eventsFound, cases: score.events })} | ${score.distance.toFixed(2)} runs ` +
    `| ${score.falsePoints} in ${score.clean} |`
  )
}

const driftCases: [string, (runs: number) => Partial<SeriesPlan>][] = [
  ['nothing', () => ({})],
  ['a drift of 10 % over all runs', (to) => ({ drift: { from: 0, to, factor: 1.1 } })],
  ['a drift of 20 % over all runs', (to) => ({ drift: { from: 0, to, factor: 1.2 } })],
  ['a drift of 40 % in the second half', (to) => ({ drift: { from: to / 2, to, factor: 1.4 } })],
  ['two steps of 15 %', (n) => ({ steps: [1 / 3, 2 / 3].map((at) => ({ at: n * at, factor: 1.15 })) })],
  ['weekends 10 % faster', () => ({ weekend: 0.9 })],
]
print('')
print(`| the median of ${series} histories has | histories with a drift | points a history |`)
print('|---|---|---|')
for (const [name, change] of driftCases) {
  const { drifts, points } = scoreDrifts(change, series, firstSeed)
  print(`| ${name} | ${percent({ count: drifts, cases: series })} | ${(points / series).toFixed(2)} |`)
}
