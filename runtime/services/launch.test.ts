import { chmodSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import { startService, isFree } from './launch.ts'
import type { ServiceOptions, StartResult } from './launch.ts'
import { startAlertmanager, startPostgresExporter, startPrometheus, startPushgateway } from './monitoring.ts'
import { temporaryFolder } from '../testing/temporary-folder.ts'

const folder = temporaryFolder('service')

const serving = `
require('node:http')
  .createServer((_, response) => response.end('ok'))
  .listen(Number(process.argv[1]), '127.0.0.1')`
async function start(script: string, options: Partial<ServiceOptions> = {}): Promise<StartResult> {
  return startService({
    name: 'the tool',
    options: { folder, ...options },
    command: (port) => [process.execPath, '-e', script, String(port)],
    env: {},
    logFile: join(folder, 'log', 'tool.log'),
    ready: '/',
  })
}

describe('a service', () => {
  it('starts on a free port, and ends when it is asked to', async () => {
    const started = await start(serving)
    if (started.state !== 'ok') throw new Error(started.reason)
    const { service } = started
    expect(await (await fetch(service.url)).text()).toBe('ok')
    expect(await isFree(service.port)).toBe(false)
    expect(await service.stop()).toEqual({ state: 'signalled', signal: 'SIGTERM' })
    expect(await isFree(service.port)).toBe(true)
  })

  it('fails when another program has the requested port', async () => {
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

  it('gets another port when its free port is taken before it listens', async () => {
    const mark = join(folder, 'tried')
    const loses = `
      const fs = require('node:fs')
      if (!fs.existsSync(${JSON.stringify(mark)})) {
        fs.writeFileSync(${JSON.stringify(mark)}, '')
        console.error('listen tcp 127.0.0.1: bind: address already in use')
        process.exit(1)
      }
      ${serving}`
    const started = await start(loses)
    expect(started.state).toBe('ok')
    if (started.state === 'ok') await started.service.stop()
  })

  it('that ends early, does not exist or is never ready fails with one line', async () => {
    expect(
      await start('console.error("first"); console.error("no such flag: --x"); process.exit(3)'),
    ).toEqual({
      state: 'failed',
      cause: 'program',
      reason: 'the tool ended with code 3 before it was ready; it wrote: no such flag: --x',
    })
    expect(
      await startService({
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
      reason: expect.stringMatching(
        /^the tool was not ready at http:\/\/127\.0\.0\.1:\d+\/ within 0\.2 s; it wrote nothing$/,
      ),
    })
  })

  it('whose start is interrupted is ended', async () => {
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

describe('a tool of a version manager', () => {
  const program = join(folder, 'managed')
  // It answers on the port of its flag, once it has found its version below the home of its user.
  writeFileSync(
    program,
    `#!/bin/sh
read -r name version < "$HOME/.tool-versions" || exit 1
for flag in "$@"; do case "$flag" in --web.listen-address=*) address="$flag";; esac; done
exec '${process.execPath}' -e "require('node:http').createServer((_, response) =>
  response.end('ok')).listen(Number('$address'.split(':').pop()), '127.0.0.1')"
`,
  )
  chmodSync(program, 0o755)
  writeFileSync(join(folder, '.tool-versions'), 'any 1.2.3\n')
  const options = { program, folder, configFile: join(folder, 'none.yml') }
  const database = { uri: 'u', user: 'u', passwordFile: 'f' }

  it.each([
    ['Prometheus', async () => startPrometheus(options)],
    ['Alertmanager', async () => startAlertmanager(options)],
    ['the Pushgateway', async () => startPushgateway(options)],
    ['an exporter', async () => startPostgresExporter({ ...options, database })],
  ])('starts as %s with the environment in which it was found', async (_, startTool) => {
    vi.stubEnv('HOME', folder)
    const started = await startTool()
    vi.unstubAllEnvs()
    expect(started).toMatchObject({ state: 'ok' })
    if (started.state === 'ok') await started.service.stop()
  })
})
