import { execFileSync, spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { describe, expect, it } from 'vitest'
import { readOutput, startChild } from './child.ts'
import { toRevisionEnvironment } from './environment.ts'
import { temporaryFolder } from '../testing/temporary-folder.ts'

const env = { PATH: process.env['PATH'] }
const folder = temporaryFolder('child')

const sh = (script: string, more: Partial<Parameters<typeof startChild>[2]> = {}) =>
  startChild('/bin/sh', ['-c', script], { env, ...more })

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
  } catch {
    return false
  }
  // A zombie that has not been reaped yet is dead all the same.
  return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
}

/** Until this process has handled its end, also as a zombie. */
function isKnown(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

async function gone(pid: number, withinMs: number): Promise<boolean> {
  const deadline = performance.now() + withinMs
  while (isAlive(pid)) {
    if (performance.now() > deadline) return false
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  return true
}

describe('a child', () => {
  it('reports how it ended', async () => {
    expect(await sh('exit 7').ended).toEqual({ state: 'exited', code: 7 })
    expect(await sh('kill -9 $$').ended).toEqual({ state: 'signalled', signal: 'SIGKILL' })
    expect(await startChild('/no/such/program', [], { env }).ended).toEqual({
      state: 'failed',
      reason: 'not found',
    })
  })

  it('gives whole lines, also the last one without an end', async () => {
    const lines: string[] = []
    await sh('printf "one\\ntw"; printf "o\\nthree" ; echo oops >&2', {
      onLine: (line, stream) => lines.push(`${stream} ${line}`),
    }).ended
    expect(lines.toSorted()).toEqual(['stderr oops', 'stdout one', 'stdout three', 'stdout two'])
  })

  it('is read to the end by a process that was busy for more than a second after its exit', async () => {
    const lines: string[] = []
    const written = join(folder, 'written')
    // Its own child keeps the pipe open and writes later, while this process is busy.
    const child = sh(`(sleep 0.3; echo late; : > '${written}') & exit 0`, {
      onLine: (line) => lines.push(line),
    })
    // Continues in an immediate: timers are next, before input.
    while (isKnown(child.pid ?? 0)) await new Promise((resolve) => setImmediate(resolve))
    const untilMs = performance.now() + 1200
    while (performance.now() < untilMs || !existsSync(written));
    await child.ended
    expect(lines).toEqual(['late'])
  })

  it('keeps only the end of what it says', async () => {
    const child = sh('i=0; while [ $i -lt 2000 ]; do echo "line $i"; i=$((i+1)); done')
    await child.ended
    expect(child.tail('stdout').length).toBeLessThanOrEqual(16_384)
    expect(child.tail('stdout')).toMatch(/line 1999$/)
  })

  it('can write to a file instead, and its last words are read from there', async () => {
    const child = sh('echo out; echo err >&2', { outputFile: join(folder, 'output.log') })
    await child.ended
    expect(readFileSync(join(folder, 'output.log'), 'utf8')).toBe('out\nerr\n')
    expect(child.tail('stderr')).toBe('out\nerr')
  })

  it('has no environment but what it was given', async () => {
    const child = startChild('/usr/bin/env', [], { env: { ONLY: 'this' } })
    await child.ended
    expect(child.tail('stdout')).toBe('ONLY=this')
  })

  it("has no variable of git that names a repository: not a hook's index", async () => {
    const names = execFileSync('git', ['rev-parse', '--local-env-vars'], { encoding: 'utf8' }).trim()
    const local = Object.fromEntries(names.split('\n').map((name) => [name, 'of another repository']))
    const kept = { GIT_AUTHOR_NAME: 'Ada', ONLY: 'this' }
    const child = startChild('/usr/bin/env', [], { env: { ...local, GIT_QUARANTINE_PATH: 'x', ...kept } })
    await child.ended
    expect(child.tail('stdout').split('\n').toSorted()).toEqual(['GIT_AUTHOR_NAME=Ada', 'ONLY=this'])
    const read = await readOutput('/usr/bin/env', [], { env: { ...local, ...kept }, timeoutMs: 5000 })
    expect(read.trim().split('\n')).toHaveLength(2)
  })

  it('of a revision under test has usual variables and target.env, and no secret', async () => {
    const secrets = { GITHUB_TOKEN: 'x', AWS_SECRET_ACCESS_KEY: 'x', NPM_TOKEN: 'x', DATABASE_URL: 'x' }
    const usual = { PATH: '/usr/bin:/bin', HOME: '/root', LC_TIME: 'C', https_proxy: 'http://proxy' }
    const asked = { ...secrets, ...usual, npm_config__authToken: 'x', path: 'x', GIT_DIR: 'x' }
    const revision = toRevisionEnvironment(asked, { API_KEY: 'own', HOME: '/own' })
    expect(revision).toEqual({ ...usual, HOME: '/own', API_KEY: 'own' })
  })

  it('that ignores SIGTERM is killed after its grace', async () => {
    const child = sh('trap "" TERM; echo ready; while :; do sleep 1; done', { onLine: () => ready() })
    let ready = (): void => undefined
    await new Promise<void>((resolve) => (ready = resolve))
    expect(await child.stop(100)).toEqual({ state: 'signalled', signal: 'SIGKILL' })
  })

  it('takes its own children with it when it ends', async () => {
    const child = sh('sleep 1000 & echo $!')
    await child.ended
    expect(await gone(Number(child.tail('stdout')), 2000)).toBe(true)
  })
})

describe('when we are killed', () => {
  it.each([
    ['that ends when asked', ''],
    ['that ignores SIGTERM', "trap '' TERM; "],
  ])('no child %s and no grandchild of ours is alive five seconds later', async (_what, trap) => {
    const module = new URL('child.ts', import.meta.url).href
    const script = `
      const { startChild } = await import(${JSON.stringify(module)})
      startChild('/bin/sh', ['-c', ${JSON.stringify(`${trap}sleep 1000 & echo $!; echo $$; wait`)}], {
        env: { PATH: process.env.PATH },
        onLine: (line) => console.log(line),
      })`
    const parent = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const pids: number[] = []
    for await (const line of createInterface({ input: parent.stdout })) {
      pids.push(Number(line))
      if (pids.length === 2) parent.kill('SIGKILL')
    }
    expect(pids).toHaveLength(2)
    for (const pid of pids) expect(await gone(pid, 5000)).toBe(true)
  })
})
