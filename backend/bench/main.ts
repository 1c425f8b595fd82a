import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startEmbeddedPostgres } from '../db/embedded/index.ts'
import { BackendProcess, type Client } from '../testing/index.ts'
import { requestsPerSecond } from './load.ts'

/*
 * The service side by side with raw node:http and postgres.js on one PostgreSQL, in alternating rounds so that the
 * machine's moods fall on both: `node backend/bench/main.ts [rounds] [seconds]`.
 */
const rounds = Number(process.argv[2] ?? 5)
const seconds = Number(process.argv[3] ?? 4)
const connections = 16
const raw = fileURLToPath(new URL('raw.ts', import.meta.url))

interface Contender {
  name: string
  base: string
  end: () => Promise<void>
}

const folder = await mkdtemp(join(tmpdir(), 'todo-bench-'))
const postgres = await startEmbeddedPostgres(join(folder, 'postgres'), () => undefined)
try {
  await compare(postgres.url)
} finally {
  await postgres.stop()
  await rm(folder, { recursive: true, force: true })
}

async function compare(databaseUrl: string): Promise<void> {
  const env = { DATABASE_URL: databaseUrl, AUTH_SECRET: 'a secret for the bench and nothing else', RATE_LIMIT_PER_MINUTE: '100000000' }
  const uncached = await service('service', { ...env, CACHE_ENTRIES: '0' })
  const cached = await service('service, cached', env)
  const account = await uncached.client.register()
  for (let index = 0; index < 60; index += 1) await account.client.send('POST', '/tasks', { title: `Task number ${index}`, description: 'Something to do', tags: ['home', 'soon'] })
  const baseline = await rawServer(databaseUrl, account.session.user.id)
  const { accessToken: token } = account.session
  const contenders = [baseline, uncached, cached]
  const [, list = 0, hits = 0] = await ratios('GET /tasks?limit=20', contenders, (base) => requestsPerSecond({ url: `${base}/tasks?limit=20`, token, seconds, connections }))
  const body = JSON.stringify({ title: 'Made by the bench' })
  const [, create = 0] = await ratios('POST /tasks', [baseline, uncached], (base) => requestsPerSecond({ url: `${base}/tasks`, token, body, seconds, connections }))
  for (const contender of contenders) await contender.end()
  report('GET /tasks, uncached, of raw', list, 0.85)
  report('GET /tasks, cached, of raw', hits, 1)
  report('POST /tasks, of raw', create, 0.8)
}

/** Median requests per second of each as a share of the first's. */
async function ratios(what: string, contenders: readonly Contender[], measure: (base: string) => Promise<number>): Promise<number[]> {
  const perRound: number[][] = []
  for (const { base } of contenders) await measure(base)
  for (let round = 0; round < rounds; round += 1) {
    const rates: number[] = []
    for (const { base } of contenders) rates.push(await measure(base))
    perRound.push(rates)
    say(`${what}: ${contenders.map(({ name }, index) => `${name} ${rates[index]?.toFixed(0)}/s`).join(', ')}`)
  }
  return contenders.map((_contender, index) => median(perRound.map((rates) => (rates[index] ?? 0) / (rates[0] ?? 1))))
}

async function service(name: string, env: Record<string, string>): Promise<Contender & { client: Client }> {
  const backend = new BackendProcess(env)
  const client = await backend.ready()
  const end = async (): Promise<void> => {
    backend.signal('SIGTERM')
    await backend.exit()
  }
  return { name, base: await backend.base(), client, end }
}

async function rawServer(databaseUrl: string, user: string): Promise<Contender> {
  const child = spawn(process.execPath, [raw], { env: { ...process.env, DATABASE_URL: databaseUrl, BENCH_USER: user }, stdio: ['ignore', 'pipe', 'inherit'] })
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  const { port } = JSON.parse(line.toString()) as { port: number }
  const end = async (): Promise<void> => {
    child.kill()
    await once(child, 'exit')
  }
  return { name: 'raw', base: `http://127.0.0.1:${port}`, end }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
}

function report(what: string, ratio: number, least: number): void {
  say(`${ratio >= least ? 'ok  ' : 'FAIL'} ${what}: ${ratio.toFixed(2)} (at least ${least})`)
  if (ratio < least) process.exitCode = 1
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
