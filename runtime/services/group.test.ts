import { describe, expect, it } from 'vitest'
import type { ChildEnd } from '../processes/index.ts'
import { ServiceGroup, ServiceNotStarted } from './group.ts'
import type { UnexpectedEnd } from './group.ts'
import type { RunningService, StartResult } from './launch.ts'

/** A service that notes in `events` when it is ended, and ends when the test says so. */
function fakeService(
  name: string,
  events: string[],
): { started: StartResult<RunningService>; end: (end: ChildEnd) => void } {
  const { promise: ended, resolve: end } = Promise.withResolvers<ChildEnd>()
  return {
    end,
    started: {
      state: 'ok',
      service: {
        ended,
        lastOutput: () => `${name} wrote this`,
        stop: async () => {
          events.push(name)
          end({ state: 'signalled', signal: 'SIGTERM' })
        },
      },
    },
  }
}

describe('a group of services', () => {
  it('is ended in reverse order of its start', async () => {
    const events: string[] = []
    const group = new ServiceGroup()
    await group.start('database', Promise.resolve(fakeService('database', events).started))
    group.add(async () => events.push('proxy'))
    await group.start('service', Promise.resolve(fakeService('service', events).started))
    await group.stop()
    expect(events).toEqual(['service', 'proxy', 'database'])
  })

  it('is ended level by level where levels are given, whatever the order of the start', async () => {
    const events: string[] = []
    const group = new ServiceGroup()
    await group.start('service', Promise.resolve(fakeService('service', events).started), 1)
    await group.start('database', Promise.resolve(fakeService('database', events).started), 0)
    await group.start('exporter', Promise.resolve(fakeService('exporter', events).started), 1)
    await group.stop()
    expect(events).toEqual(['service', 'exporter', 'database'])
  })

  it('also ends what is still starting, and all others when one cannot be ended', async () => {
    const events: string[] = []
    const group = new ServiceGroup()
    await group.start('database', Promise.resolve(fakeService('database', events).started))
    group.add(async () => Promise.reject(new Error('no permission')))
    const { promise, resolve } = Promise.withResolvers<StartResult<RunningService>>()
    const starting = group.start('service', promise)
    const stopping = group.stop()
    expect(group.signal.aborted).toBe(true)
    resolve(fakeService('service', events).started)
    await expect(starting).rejects.toThrow('service: interrupted while it was starting')
    await expect(stopping).rejects.toThrow('no permission')
    expect(events).toEqual(['service', 'database'])
  })

  it('reports a service that ends by itself, and none that it ends', async () => {
    const unexpected: UnexpectedEnd[] = []
    const group = new ServiceGroup((end) => unexpected.push(end))
    const service = fakeService('service', [])
    await group.start('database', Promise.resolve(fakeService('database', []).started))
    await group.start('service', Promise.resolve(service.started))
    service.end({ state: 'exited', code: 3 })
    await new Promise(setImmediate)
    await group.stop()
    await new Promise(setImmediate)
    expect(unexpected).toEqual([
      { name: 'service', end: { state: 'exited', code: 3 }, lastOutput: 'service wrote this' },
    ])
  })

  it('gives the reason of a service that cannot be started', async () => {
    const failed = { state: 'failed', cause: 'program', reason: 'not found' } as const
    await expect(new ServiceGroup().start('service', Promise.resolve(failed))).rejects.toThrow(
      new ServiceNotStarted('not found'),
    )
  })
})
