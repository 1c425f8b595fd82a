import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { startService } from '../../../runtime/services/index.ts'
import type { StartResult } from '../../../runtime/services/index.ts'

const root = fileURLToPath(new URL('../../..', import.meta.url))

/** Production's probes, as often as the faster clock asks for and this machine bears. */
export const defaultProbes: Readonly<Record<string, string>> = {
  health: '1s',
  ready: '1s',
  'auth-flow': '5s',
  'task-crud': '4s',
}

/** Starts `vigil probe --every` against the service, with the metrics that Prometheus scrapes. */
export async function startProbes(plan: {
  folder: string
  target: string
  journeys: Readonly<Record<string, string>>
  signal: AbortSignal
}): Promise<StartResult> {
  mkdirSync(plan.folder, { recursive: true })
  const config = {
    target: { url: plan.target, ready: '/health/ready' },
    journeys: join(root, 'journeys', 'todo', 'index.ts'),
    probes: Object.fromEntries(
      Object.entries(plan.journeys).map(([journey, interval]) => [
        journey,
        { journey, every: interval, timeoutMs: 5000, attempts: 1 },
      ]),
    ),
    suites: {},
  }
  const file = join(plan.folder, 'vigil.config.mjs')
  writeFileSync(file, `export default ${JSON.stringify(config)}\n`)
  const main = fileURLToPath(pathToFileURL(join(root, 'cli', 'main.ts')))
  const args = ['probe', '--every', '--config', file, '--out', plan.folder, '--quiet']
  return startService({
    name: 'the probes',
    options: { folder: plan.folder, signal: plan.signal, timeoutMs: 20_000 },
    command: (port) => [process.execPath, main, ...args, '--metrics-port', String(port)],
    cwd: plan.folder,
    env: { PATH: process.env['PATH'] },
    logFile: join(plan.folder, 'probes.log'),
    ready: '/metrics',
  })
}
