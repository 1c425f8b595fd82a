import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { startChild } from '../../../runtime/processes/index.ts'
import { freePort } from '../../../runtime/services/index.ts'
import { waitReady } from '../../../runtime/target/index.ts'

const root = fileURLToPath(new URL('../../..', import.meta.url))

export type ProbesStarted =
  | { state: 'up'; url: string; stop: () => Promise<void> }
  | { state: 'failed'; reason: string }

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
}): Promise<ProbesStarted> {
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
  const port = await freePort()
  const main = fileURLToPath(pathToFileURL(join(root, 'cli', 'main.ts')))
  const child = startChild(
    process.execPath,
    [
      main,
      'probe',
      '--every',
      '--config',
      file,
      '--out',
      plan.folder,
      '--metrics-port',
      String(port),
      '--quiet',
    ],
    {
      cwd: plan.folder,
      env: { PATH: process.env['PATH'] },
      outputFile: join(plan.folder, 'probes.log'),
    },
  )
  const url = `http://127.0.0.1:${port}`
  const over = new AbortController()
  const first = await Promise.race([
    waitReady(url, '/metrics', { timeoutMs: 20_000, signal: AbortSignal.any([plan.signal, over.signal]) }),
    child.ended,
  ])
  over.abort()
  if (first === 'ready') return { state: 'up', url, stop: async () => void (await child.stop(5000)) }
  await child.stop(1000)
  return { state: 'failed', reason: `the probes did not start: ${child.tail('stderr').slice(-300)}` }
}
