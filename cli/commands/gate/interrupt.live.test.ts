import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { freePort } from '../../testing/service.ts'
import { leftoversAfter, processesNaming } from '../../testing/leftovers.ts'
import { startRunningClock } from '../../../runtime/testing/running-clock.ts'
import { homeSuites, workplace } from '../../testing/vigil.ts'
import type { Workplace } from '../../testing/vigil.ts'

// A service with a child process, as the todo API has PostgreSQL.
const server = `
import { spawn } from 'node:child_process'
import { createServer } from 'node:http'
spawn('/bin/sh', ['-c', 'while :; do sleep 1; done', import.meta.filename], { stdio: 'ignore' })
const slow = Number(process.env.SLOW_START_MS)
createServer((request, response) => {
  if (request.url === '/ready' && performance.now() < slow) response.statusCode = 503
  response.end('ok')
}).listen(Number(process.env.PORT), '127.0.0.1')
process.on('SIGTERM', () => process.exit(0))
`

/** What vigil says when it enters a phase, and how to make that phase last. */
const phases = [
  { phase: 'starting the target', says: 'starting the target', slowStartMs: 600_000, args: ['gate'] },
  { phase: 'warming up with k6', says: 'warming up', slowStartMs: 0, args: ['gate', '--engine', 'k6'] },
  { phase: 'measuring with k6', says: 'measuring', slowStartMs: 0, args: ['gate', '--engine', 'k6'] },
  {
    phase: 'warming up with autocannon',
    says: 'warming up',
    slowStartMs: 0,
    args: ['gate', '--engine', 'autocannon'],
  },
  {
    phase: 'measuring with autocannon',
    says: 'measuring',
    slowStartMs: 0,
    args: ['gate', '--engine', 'autocannon'],
  },
]

let place: Workplace
beforeEach(() => (place = workplace()))
afterEach(() => place.remove())

/** Starts a gate that would take minutes and signals it in a phase. */
async function signalIn(
  { says, slowStartMs, args }: (typeof phases)[number],
  signal: NodeJS.Signals,
): Promise<{ code: number | null; tookMs: number; stdout: string }> {
  const port = await freePort()
  const script = place.write('server.mjs', server)
  const warmupSeconds = says === 'warming up' ? 300 : 0.5
  const length = { warmupSeconds, durationSeconds: 300 }
  place.configure({
    target: {
      url: `http://127.0.0.1:${port}`,
      command: [process.execPath, script],
      ready: '/ready',
      env: { PORT: String(port), SLOW_START_MS: String(slowStartMs) },
    },
    suites: {
      rate: { ...homeSuites.rate, load: { ratePerSecond: 20 }, ...length },
      capacity: { ...homeSuites.capacity, ...length },
    },
    budgets: { p95Ms: 500 },
  })
  let reached = (): void => undefined
  const inPhase = new Promise<void>((resolve) => (reached = resolve))
  const { process: child, ran } = place.start([...args, '--json', '--config', 'vigil.config.mjs'], {
    onStderr: (text) => {
      if (text.includes(says)) reached()
    },
  })
  await Promise.race([inPhase, ran])
  // The phase begins with its line; what it starts comes right after.
  await untilProcesses(slowStartMs > 0 ? 'server.mjs' : '.vigil/runs')
  const clock = startRunningClock()
  child.kill(signal)
  const { code, stdout } = await ran
  return { code, tookMs: clock.elapsedMs(), stdout }
}

async function untilProcesses(naming: string): Promise<void> {
  const clock = startRunningClock()
  while (!processesNaming(place.folder).some((line) => line.includes(naming)) && clock.elapsedMs() < 20_000) {
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

describe.each(phases)('while $phase', (phase) => {
  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)(
    '%s ends all children and exits within 10 s with code %i and a verdict',
    async (signal, expected) => {
      const { code, tookMs, stdout } = await signalIn(phase, signal)
      expect(code).toBe(expected)
      expect(tookMs).toBeLessThan(10_000)
      expect(await leftoversAfter(place.folder, 2000)).toEqual([])
      expect(JSON.parse(stdout)).toMatchObject({ schema: 'vigil.verdict/1', verdict: 'invalid' })
    },
  )

  it('SIGKILL leaves no process behind after 5 s', async () => {
    await signalIn(phase, 'SIGKILL')
    expect(await leftoversAfter(place.folder, 5000)).toEqual([])
  })
})

describe('after an interrupt', () => {
  it.each([
    ['measuring with k6', 'SIGINT', 130],
    ['measuring with autocannon', 'SIGTERM', 143],
    ['measuring with autocannon', 'SIGHUP', 129],
  ] as const)('%s by %s, the record is kept, marked, and not judged', async (named, signal, code) => {
    const phase = phases.find(({ phase: name }) => name === named)
    if (!phase) throw new Error('no such phase')
    expect((await signalIn(phase, signal)).code).toBe(code)
    expect(await leftoversAfter(place.folder, 2000)).toEqual([])
    const runs = join(place.folder, '.vigil', 'runs')
    const [id] = readdirSync(runs)
    const file = join(runs, id ?? '', 'record.json')
    expect(existsSync(file)).toBe(true)
    expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({
      interrupted: true,
      validity: { valid: false },
    })
  })
})
