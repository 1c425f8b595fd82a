import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { readStat, startChild } from '../../runtime/processes/index.ts'
import { freePort, waitReady } from '../../runtime/services/index.ts'
import { requireTool } from '../../runtime/tools/index.ts'
import type { Bench, Figure, Section } from '../workbench.ts'
import { median } from '../../record/statistics/index.ts'
import { rssOf, runCommand, withService, ratios, spreadOf } from '../workbench.ts'

/** Probes that a scheduler holds, each once a second. */
const scheduled = 200
const scheduleSeconds = 30

export const probes: Section = {
  name: 'probes',
  about:
    'one plain check, cold, against a cold Playwright run and a cold blackbox_exporter; a scheduler ' +
    'of 200 probes a second',
  run: async (bench) =>
    withService(bench, async (url) => [
      ...(await cold(bench, url)),
      ...(await schedule(bench, url)),
      ...(await hour(bench)),
    ]),
}

const plain =
  `export default [{ name: 'plain', steps: [{ name: 'get', request: () => ({ method: 'GET', path: '/' ` +
  '}) }] }]\n'

function project(bench: Bench, url: string, names: readonly string[]): string {
  const folder = join(bench.folder, `probes-${names.length}`)
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'journeys.mjs'), plain)
  const every = Object.fromEntries(
    names.map((name) => [name, { journey: 'plain', every: '1s', attempts: 1 }]),
  )
  writeFileSync(
    join(folder, 'vigil.config.mjs'),
    'export default ' +
      `${JSON.stringify({ target: { url }, journeys: './journeys.mjs', probes: every, suites: {} })}\n`,
  )
  return folder
}

async function cold(bench: Bench, url: string): Promise<Figure[]> {
  const folder = project(bench, url, ['plain'])
  const own: number[] = []
  const ours = async (): Promise<number> => {
    const { wallMs, code, stderr } = await runCommand(
      join(bench.root, 'vigil'),
      ['probe', '--once', '--quiet', '--config', 'vigil.config.mjs'],
      folder,
    )
    if (code !== 0) throw new Error(`vigil probe ended with ${code}: ${stderr}`)
    own.push(wallMs)
    return wallMs
  }
  await ours()
  const playwright = await ratios(bench.rounds, ours, await coldPlaywright(bench, folder, url))
  const blackbox = await ratios(bench.rounds, ours, await coldBlackbox(folder, url))
  return [
    {
      what: 'vigil probe --once, one check',
      value: spreadOf(own.slice(1), (ms) => `${ms.toFixed(0)} ms`),
      goal: '≤ 600 ms',
      met: median(own.slice(1)) <= 600,
    },
    {
      what: 'of a cold Playwright run of the same request',
      value: spreadOf(playwright, (ratio) => ratio.toFixed(2)),
      goal: '≤ 1',
      met: median(playwright) <= 1,
    },
    {
      what: 'of blackbox_exporter started, asked once and ended',
      value: spreadOf(blackbox, (ratio) => ratio.toFixed(2)),
    },
  ]
}

async function coldPlaywright(bench: Bench, folder: string, url: string): Promise<() => Promise<number>> {
  const modules = join(bench.root, 'node_modules')
  symlinkSync(modules, join(folder, 'node_modules'))
  writeFileSync(
    join(folder, 'plain.spec.ts'),
    `import { expect, test } from '@playwright/test'\ntest('plain', async ({ request }) => { ` +
      `expect((await request.get('${url}/')).ok()).toBe(true) })\n`,
  )
  return async () => {
    const { wallMs, code, stdout } = await runCommand(
      process.execPath,
      [join(modules, '@playwright/test/cli.js'), 'test', 'plain.spec.ts'],
      folder,
    )
    if (code !== 0) throw new Error(`Playwright ended with ${code}: ${stdout}`)
    return wallMs
  }
}

async function coldBlackbox(folder: string, url: string): Promise<() => Promise<number>> {
  const program = await requireTool('blackbox_exporter')
  writeFileSync(join(folder, 'blackbox.yml'), 'modules:\n  plain:\n    prober: http\n    timeout: 5s\n')
  return async () => {
    const port = await freePort()
    const began = performance.now()
    const exporter = startChild(
      program,
      ['--config.file', 'blackbox.yml', '--web.listen-address', `127.0.0.1:${port}`],
      { cwd: folder, env: {} },
    )
    const base = `http://127.0.0.1:${port}`
    if (
      (await waitReady(base, '/-/healthy', { timeoutMs: 10_000, signal: new AbortController().signal })) !==
      'ready'
    )
      throw new Error(`blackbox_exporter did not start: ${exporter.tail('stderr')}`)
    const answer = await (
      await fetch(`${base}/probe?module=plain&target=${encodeURIComponent(`${url}/`)}`)
    ).text()
    if (!/^probe_success 1$/m.test(answer)) throw new Error('blackbox_exporter did not reach the service')
    await exporter.stop(2000)
    return performance.now() - began
  }
}

async function schedule(bench: Bench, url: string): Promise<Figure[]> {
  const folder = project(
    bench,
    url,
    Array.from({ length: scheduled }, (_, index) => `probe-${index}`),
  )
  const port = await freePort()
  const daemon = startChild(
    join(bench.root, 'vigil'),
    ['probe', '--every', '--quiet', '--metrics-port', String(port), '--config', 'vigil.config.mjs'],
    { cwd: folder, env: process.env, outputFile: join(folder, 'daemon.log') },
  )
  let maxRssBytes = 0
  const sampling = setInterval(() => (maxRssBytes = Math.max(maxRssBytes, rssOf(daemon.pid))), 500)
  try {
    await new Promise((resolve) => setTimeout(resolve, scheduleSeconds * 1000))
    const cpuSeconds = (daemon.pid === undefined ? undefined : readStat(daemon.pid))?.cpuSeconds ?? 0
    const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
    const p99Ms = quantileMs(metrics, 'vigil_probe_schedule_lateness_seconds', 0.99)
    return [
      {
        what: `${scheduled} probes a second: lateness p99 at most`,
        value: `${p99Ms.toFixed(0)} ms`,
        goal: '≤ 50 ms',
        met: p99Ms <= 50,
      },
      {
        what: 'its memory at most',
        value: `${(maxRssBytes / 1e6).toFixed(0)} MB`,
        goal: '≤ 200 MB',
        met: maxRssBytes <= 200e6,
      },
      {
        what: 'its share of a core',
        value: (cpuSeconds / scheduleSeconds).toFixed(2),
        goal: '≤ 1',
        met: cpuSeconds / scheduleSeconds <= 1,
      },
    ]
  } finally {
    clearInterval(sampling)
    await daemon.stop(10_000)
  }
}

/** The upper bound of the bucket that a quantile of a Prometheus histogram lies in. */
function quantileMs(exposition: string, family: string, q: number): number {
  const buckets = [
    ...exposition.matchAll(new RegExp(String.raw`^${family}_bucket\{le="([^"]+)"\} (\d+)$`, 'gm')),
  ].map(([, le, count]) => ({ le: Number(le), count: Number(count) }))
  const total = Number(new RegExp(String.raw`^${family}_count (\d+)$`, 'm').exec(exposition)?.[1] ?? 0)
  if (total < scheduled * (scheduleSeconds / 2)) throw new Error(`only ${total} runs in ${scheduleSeconds} s`)
  return (buckets.find(({ count }) => count >= q * total)?.le ?? Infinity) * 1000
}

async function hour(bench: Bench): Promise<Figure[]> {
  const { stdout, code, stderr } = await runCommand(
    process.execPath,
    ['--expose-gc', join(bench.root, 'bench/probes/hour.ts')],
    bench.root,
  )
  if (code !== 0) throw new Error(`the simulated hour ended with ${code}: ${stderr}`)
  const { runs, heapBytes }: { runs: number; heapBytes: number[] } = JSON.parse(stdout)
  const [first = 0, ...later] = heapBytes
  const growth = Math.max(...later) / first
  return [
    {
      what: `heap after a simulated hour (${runs.toLocaleString('en')} runs), of that after a quarter`,
      value: growth.toFixed(2),
      goal: '≤ 1.1',
      met: growth <= 1.1,
    },
  ]
}
