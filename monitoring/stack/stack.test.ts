import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { startChild, identifyProcess, isRunning } from '../../runtime/processes/index.ts'
import {
  createStackConsole,
  describeDownTargets,
  formatStackTable,
  formatUp,
  startReceiver,
} from './console.ts'
import { endStaleParts, claim, readState, release } from './detached.ts'
import type { StackState } from './detached.ts'
import { temporaryFolder } from '../../runtime/testing/temporary-folder.ts'

const folder = temporaryFolder('stack')

function me(): NonNullable<ReturnType<typeof identifyProcess>> {
  const found = identifyProcess(process.pid)
  if (!found) throw new Error('this process runs')
  return found
}
const state = (more: Partial<StackState> = {}): StackState => ({
  schema: 'vigil.stack/1',
  supervisor: me(),
  state: 'starting',
  components: [],
  targets: [],
  ...more,
})

describe('an identified process', () => {
  it('is not another process with the same pid', async () => {
    expect(isRunning(me())).toBe(true)
    expect(isRunning({ ...me(), started: 'another boot 1' })).toBe(false)
    const child = startChild('/bin/sleep', ['100'], { env: {} })
    const known = identifyProcess(child.pid ?? 0)
    expect(known && isRunning(known)).toBe(true)
    await child.stop(1000)
    expect(known && isRunning(known)).toBe(false)
  })
})

describe('the folder of a stack', () => {
  it('is for one stack at a time, and a supervisor that has ended does not block it', async () => {
    expect(await claim(folder, state())).toEqual({ state: 'ok', before: undefined })
    expect(await claim(folder, state())).toMatchObject({ state: 'busy', by: { supervisor: me() } })
    const dead = { pid: process.pid, started: 'before the last boot' }
    await release(folder, process.pid)
    await claim(folder, state({ supervisor: dead }))
    expect(await claim(folder, state())).toMatchObject({ state: 'ok', before: { supervisor: dead } })
    await release(folder, process.pid)
    expect(readState(folder)).toBeUndefined()
  })

  it('with something else in it is taken over', async () => {
    writeFileSync(join(folder, 'state.json'), '{"schema":"other"}')
    expect(readState(folder)).toBeUndefined()
    expect(await claim(folder, state())).toEqual({ state: 'ok', before: undefined })
    await release(folder, process.pid)
  })

  it('has its stale parts ended, but not a process that has got one of their pids since', async () => {
    const ours = startChild('/bin/sleep', ['100'], { env: {} })
    const other = startChild('/bin/sleep', ['100'], { env: {} })
    const known = identifyProcess(ours.pid ?? 0)
    const parts = [
      { name: 'prometheus', url: '', ...(known && { process: known }) },
      { name: 'backend', url: '', process: { pid: other.pid ?? 0, started: 'long ago' } },
    ]
    expect(await endStaleParts(state({ components: parts }))).toEqual(['prometheus'])
    expect(await ours.ended).toEqual({ state: 'signalled', signal: 'SIGTERM' })
    expect(identifyProcess(other.pid ?? 0)).toBeDefined()
    await other.stop(1000)
  })
})

describe('the table', () => {
  const shown = state({
    components: [
      { name: 'backend', url: 'http://127.0.0.1:8000', ended: 'ended with code 1' },
      { name: 'pushgateway', url: 'http://127.0.0.1:9091' },
      { name: 'prometheus', url: 'http://127.0.0.1:9090' },
    ],
    targets: [
      { job: 'pushgateway', url: 'http://127.0.0.1:9091/metrics', health: 'down', error: 'refused' },
      { job: 'prometheus', url: 'http://127.0.0.1:9090/metrics', health: 'up', error: '' },
    ],
  })

  it('has a line for each part: its state, its link, and what Prometheus reports of it', () => {
    expect(formatStackTable(shown).split('\n')).toEqual([
      '  part         state  where',
      '  prometheus   up     http://127.0.0.1:9090  1 of 2 targets up',
      '  pushgateway  up     http://127.0.0.1:9091  what load runs push; its target is down: refused',
      '  backend      ended  http://127.0.0.1:8000  ended with code 1',
    ])
    expect(describeDownTargets(shown.targets)).toEqual([
      'target pushgateway (http://127.0.0.1:9091/metrics) is down: refused',
    ])
  })

  it('ends with the next commands and, in the last line, the page and how to end everything', () => {
    const receiver = { name: 'receiver', url: 'http://127.0.0.1:9095' }
    const database = { name: 'postgres', url: '127.0.0.1:5432' }
    const components = [...shown.components, receiver, database]
    const lines = formatUp({ ...shown, components }, 'Ctrl-C').split('\n')
    expect(lines.slice(-4)).toEqual([
      '  next  vigil drill APIHighErrorRate',
      '        PUSHGATEWAY_URL=http://127.0.0.1:9091 vigil load --target http://127.0.0.1:8000',
      '',
      'Open http://127.0.0.1:9095   Ctrl-C ends all',
    ])
    expect(formatUp(shown, 'Ctrl-C')).not.toContain('vigil drill')
  })

  it('stays at the bottom of a terminal, no row broken, and is written once elsewhere', () => {
    const said = (width: number | undefined): string => {
      let text = ''
      const console = createStackConsole((more) => (text += more), width)
      console.table(shown)
      console.line('something happened', { ...shown, targets: [] })
      return text
    }
    expect(said(undefined)).toBe(`${formatUp(shown, 'Ctrl-C')}\nsomething happened\n`)
    const cut = (table: string): string =>
      table
        .split('\n')
        .map((row) => row.slice(0, 60))
        .join('\n')
    expect(said(60).split('\u001B[7A\u001B[0J')).toEqual([
      `${cut(formatUp(shown, 'Ctrl-C'))}\n`,
      `something happened\n${cut(formatUp({ ...shown, targets: [] }, 'Ctrl-C'))}\n`,
    ])
  })
})

describe('the receiver', () => {
  it('shows what has arrived as text and as JSON, never as markup', async () => {
    const titles: string[] = []
    const started = await startReceiver({
      folder,
      port: 0,
      names: { pagerduty: ['on_call'], slack: [] },
      page: {
        root: folder,
        dashboards: folder,
        alertNames: [],
        origins: [],
        scrapeSeconds: 15,
        parts: () => [],
      },
      now: () => 0,
      onDelivery: ({ title }) => titles.push(title),
    })
    if (started.state !== 'ok') throw new Error(started.reason)
    const receiver = started.service
    try {
      const event = {
        routing_key: receiver.receivers.pagerduty.keys['on_call'],
        event_action: 'trigger',
        dedup_key: 'a',
        payload: { summary: '<script>alert(1)</script>', source: 's', severity: 'critical' },
      }
      expect(
        (await fetch(receiver.receivers.pagerduty.url, { method: 'POST', body: JSON.stringify(event) }))
          .status,
      ).toBe(202)
      const page = await (await fetch(receiver.url)).text()
      expect(page).toContain('&lt;script&gt;alert(1)&lt;/script&gt;')
      expect(page).not.toContain('<script>')
      expect(await (await fetch(`${receiver.url}/notifications`)).json()).toMatchObject([
        { via: 'pagerduty', address: 'on_call', status: 'firing' },
      ])
      expect((await fetch(receiver.receivers.webhook, { method: 'POST', body: '{}' })).status).toBe(200)
      expect(titles).toEqual(['<script>alert(1)</script>'])
    } finally {
      await receiver.stop()
    }
    expect(JSON.parse(readFileSync(join(folder, 'notifications.jsonl'), 'utf8'))).toMatchObject({
      via: 'pagerduty',
    })
  })
})
