import { afterEach, describe, expect, it } from 'vitest'
import { endTargets, target } from '../journeys/client/testing/target.ts'
import { runProbes } from './probes.ts'

afterEach(endTargets)

const unreachable = 'http://127.0.0.1:1'
const journey = { name: 'home', steps: [{ name: 'get', request: () => ({ method: 'GET', path: '/' }) }] }

async function outcomeOf(
  targetUrl: string,
  controlUrl?: string,
): Promise<[string | undefined, string | undefined]> {
  const env = { ...(controlUrl !== undefined && { VIGIL_CONTROL_URL: controlUrl }) }
  const { probes } = await runProbes({
    targetUrl,
    journeys: [journey],
    probes: { it: { journey: 'home', attempts: 1, timeoutMs: 5000 } },
    run: 'r',
    signal: new AbortController().signal,
    now: () => 0,
    env,
  })
  return [probes[0]?.outcome, probes[0]?.message]
}

describe('a target that cannot be reached is', () => {
  it('unknown when the control address cannot be reached either: the prober is offline', async () => {
    expect(await outcomeOf(unreachable, 'http://localhost:1/control?x=secret')).toEqual([
      'unknown',
      expect.stringMatching(
        /^this prober is offline: its control address localhost:1 cannot be reached either \(connect: .*\); get failed \(connect\)/,
      ),
    ])
  })

  it('down when the control address answers, whatever it answers', async () => {
    const control = await target((_request, response) => response.writeHead(503).end('sorry'))
    expect(await outcomeOf(unreachable, control)).toEqual(['down', expect.stringMatching(/^get failed/)])
  })

  it.each([
    ['there is none', undefined],
    ['it is empty', ''],
  ])('down when %s to ask', async (_what, controlUrl) => {
    expect((await outcomeOf(unreachable, controlUrl))[0]).toBe('down')
  })
})

it('an invalid control address leaves the target down, and is reported', async () => {
  expect(await outcomeOf(unreachable, 'example.com')).toEqual([
    'down',
    expect.stringMatching(
      /^get failed .*; VIGIL_CONTROL_URL was not used: expected an http:\/\/ or https:\/\/ URL$/,
    ),
  ])
})

it('a target that answered is judged without asking anybody else', async () => {
  let asked = 0
  const control = await target((_request, response) => {
    asked += 1
    response.end()
  })
  const broken = await target((_request, response) => response.writeHead(500).end())
  expect((await outcomeOf(broken, control))[0]).toBe('down')
  expect(asked).toBe(0)
})
