import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { runnableAlertmanager } from './alertmanager-debian.ts'
import { isFree } from './ports.ts'
import { launch } from './service.ts'
import type { ServiceOptions, Started } from './service.ts'

const folder = mkdtempSync(join(tmpdir(), 'vigil-service-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const serving = `require('node:http').createServer((_, response) => response.end('ok')).listen(Number(process.argv[1]), '127.0.0.1')`
async function start(script: string, options: Partial<ServiceOptions> = {}): Promise<Started> {
  return launch({
    name: 'the tool',
    options: { folder, ...options },
    command: (port) => [process.execPath, '-e', script, String(port)],
    env: {},
    logFile: join(folder, 'log', 'tool.log'),
    ready: '/',
  })
}

describe('a program of the stack', () => {
  it('is up on a port that was free, and ends when it is told to', async () => {
    const started = await start(serving)
    if (started.state !== 'up') throw new Error(started.reason)
    const { service } = started
    expect(await (await fetch(service.url)).text()).toBe('ok')
    expect(await isFree(service.port)).toBe(false)
    expect(await service.stop()).toEqual({ state: 'signalled', signal: 'SIGTERM' })
    expect(await isFree(service.port)).toBe(true)
  })

  it('does not take the place of somebody else on the port that was asked for', async () => {
    const other = createServer()
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
    const { port } = other.address() as AddressInfo
    expect(await start(serving, { port })).toEqual({
      state: 'failed',
      cause: 'port-in-use',
      reason: `the tool: port ${port} is in use`,
    })
    other.close()
  })

  it('is tried on another port when the one that was free is taken before it listens', async () => {
    const mark = join(folder, 'tried')
    const loses = `const fs = require('node:fs'); if (!fs.existsSync(${JSON.stringify(mark)})) { fs.writeFileSync(${JSON.stringify(mark)}, ''); console.error('listen tcp 127.0.0.1: bind: address already in use'); process.exit(1) } ${serving}`
    const started = await start(loses)
    expect(started.state).toBe('up')
    if (started.state === 'up') await started.service.stop()
  })

  it('that ends at once, is no program, or is never ready says so in one line', async () => {
    expect(
      await start('console.error("first"); console.error("no such flag: --x"); process.exit(3)'),
    ).toEqual({
      state: 'failed',
      cause: 'program',
      reason: 'the tool ended with code 3 before it was ready; it last wrote: no such flag: --x',
    })
    expect(
      await launch({
        name: 'the tool',
        options: { folder },
        command: () => ['/no/such/program'],
        env: {},
        logFile: join(folder, 'tool.log'),
        ready: '/',
      }),
    ).toMatchObject({ state: 'failed', reason: 'the tool could not be started: not found' })
    expect(await start('setInterval(() => undefined, 1000)', { timeoutMs: 200 })).toMatchObject({
      state: 'failed',
      reason: 'the tool was not ready within 0.2 s; it wrote nothing',
    })
  })

  it('that is given up while it starts is ended', async () => {
    const controller = new AbortController()
    const starting = start('setInterval(() => undefined, 1000)', { signal: controller.signal })
    controller.abort()
    expect(await starting).toEqual({
      state: 'failed',
      cause: 'program',
      reason: 'the tool: interrupted while it was starting',
    })
  })
})

describe("Debian's Alertmanager where its package is not installed", () => {
  const installed = '/usr/share/prometheus/alertmanager'

  it.skipIf(existsSync(`${installed}/default.tmpl`))(
    'is started from a copy that reads its templates from beside it',
    async () => {
      const program = join(folder, 'alertmanager')
      writeFileSync(program, `one${installed}/default.tmpl two${installed} three`)
      const copy = await runnableAlertmanager(program, folder)
      const text = readFileSync(copy, 'latin1')
      const [, relative = ''] = /one(\S+)\/default\.tmpl/.exec(text) ?? []
      expect(relative).toHaveLength(installed.length)
      expect(text).toBe(`one${relative}/default.tmpl two${relative} three`)
      expect(readFileSync(join(folder, relative, 'default.tmpl'), 'utf8')).toContain('define "__subject"')
      expect(statSync(copy).mode & 0o777).toBe(0o700)
      expect(readFileSync(program, 'utf8')).toContain(installed)
    },
  )

  it('is used as it is when it does not look there', async () => {
    const program = join(folder, 'upstream')
    writeFileSync(program, 'embedded')
    expect(await runnableAlertmanager(program, folder)).toBe(program)
  })
})
