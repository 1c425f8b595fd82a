import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { AbVerdict } from '../../cli/index.ts'
import { calibration, calibrationMicroseconds, createInjections } from './injections.ts'
import type { Injection } from './injections.ts'

/*
 * The verdicts of `vigil ab` on changes whose effect is known, on the bundled service:
 * `node bench/duet-study/main.ts [times] [name…]`.
 *
 * Each change is a commit in a clone of this repository. It is compared with the clone's own head, so
 * uncommitted changes do not count. Two minutes each. A first duet measures what a spin in the service is at
 * the client on this machine, so that +5 % are +5 % of what the client waits.
 */

const root = fileURLToPath(new URL('../..', import.meta.url))
const [times = '1', ...names] = process.argv.slice(2)
const known = createInjections(1).map(({ name }) => name)
const unknown = names.find((name) => !known.includes(name))
if (!/^[1-9]\d?$/.test(times) || unknown !== undefined) {
  throw new Error(
    `found ${unknown ?? times}, expected the number of repetitions, then names of ${known.join(', ')}`,
  )
}
const folder = realpathSync(mkdtempSync(join(tmpdir(), 'vigil-duet-study-')))

function git(...args: string[]): void {
  execFileSync('git', ['-c', 'user.name=study', '-c', 'user.email=study@example.com', ...args], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'inherit'],
  })
}

function commit({ file, from, to, name }: Injection, branch: string): void {
  git('checkout', '-q', '-B', branch, 'base')
  const text = readFileSync(join(folder, file), 'utf8')
  if (!text.includes(from))
    throw new Error(`${name}: ${file} has changed, expected ${JSON.stringify(from)} in it`)
  writeFileSync(
    join(folder, file),
    text.replace(from, () => to),
  )
  git('commit', '-q', '--allow-empty', '-am', name)
  git('checkout', '-q', 'base')
}

function readLoadAverage(): string {
  return (loadavg()[0] ?? 0).toFixed(1)
}

function runDuet(branch: string): AbVerdict {
  const { stdout } = spawnSync(join(root, 'vigil'), ['ab', 'base', branch, '--json'], {
    cwd: folder,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: 64 * 2 ** 20,
  })
  const verdict: AbVerdict = JSON.parse(stdout)
  return verdict
}

/** The microseconds of a spin that make the client's p50 1 % slower here. */
function calibrate(): number {
  commit(calibration, 'calibration')
  const { rows } = runDuet('calibration')
  const ratio = rows.find(({ step, metric }) => step === null && metric === 'p50Ms')?.ratio
  if (ratio === undefined || ratio <= 1.01)
    throw new Error(`calibration: p50 changed by a factor of ${ratio ?? 'nothing'}, expected a slowdown`)
  const perPercent = calibrationMicroseconds / ((ratio - 1) * 100)
  process.stderr.write(
    `a spin of ${calibrationMicroseconds} µs is +${((ratio - 1) * 100).toFixed(1)} % at the client's p50: ` +
      `1 % is ${perPercent.toFixed(1)} µs\n`,
  )
  return perPercent
}

/** Runs one duet; returns the cells of its row. */
function measure(injection: Injection, branch: string): string[] {
  const loadBefore = readLoadAverage()
  const verdict = runDuet(branch)
  const overallChange = (rule: string, metric: string): string => {
    const found = verdict.rows.find((row) => row.rule === rule && row.step === null && row.metric === metric)
    return found?.ratio === undefined ? '–' : `${((found.ratio - 1) * 100).toFixed(1)} %`
  }
  const failed = verdict.rows
    .filter(({ status }) => status === 'fail')
    .map(({ step, metric }) => `${step ?? 'overall'} ${metric}`)
  const { decidedSeconds, loadSeconds, wallSeconds } = verdict.duet
  return [
    injection.name,
    verdict.verdict,
    overallChange('comparison', 'p50Ms'),
    overallChange('comparison', 'p95Ms'),
    overallChange('cpu', 'cpuMsPerRequest'),
    `${decidedSeconds} / ${loadSeconds} / ${wallSeconds}`,
    failed.slice(0, 3).join(', ') || '–',
    `${loadBefore} → ${readLoadAverage()}`,
  ]
}

const columns = [
  'injected',
  'verdict',
  'p50',
  'p95',
  'CPU per request',
  'seconds: load until decided / total load / wall time',
  'failed rows',
  'load average',
]

function printRow(cells: readonly string[]): void {
  process.stdout.write(`| ${cells.join(' | ')} |\n`)
}

try {
  git('clone', '-q', root, '.')
  git('checkout', '-q', '-B', 'base')
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
  const needsSpin = names.length === 0 || names.some((name) => name.startsWith('latency'))
  const injections = createInjections(needsSpin ? calibrate() : 1)
  printRow(columns)
  printRow(columns.map(() => '---'))
  for (const [index, injection] of injections.entries()) {
    if (names.length > 0 && !names.includes(injection.name)) continue
    commit(injection, `change-${index}`)
    for (let time = 0; time < Number(times); time += 1) printRow(measure(injection, `change-${index}`))
  }
} finally {
  rmSync(folder, { recursive: true, force: true })
}
