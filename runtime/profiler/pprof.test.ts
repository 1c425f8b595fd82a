import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'
import { Profile, StringTable } from 'pprof-format'
import { afterEach, describe, expect, test } from 'vitest'
import { compareProfiles } from '../../baselines/profiles/index.ts'
import { captureFromPprof, readPprof } from './pprof.ts'

const root = '/work/tree'

/** A profile as Go writes it: `samples/count` and `cpu/nanoseconds`, locations leaf first. */
function encode({ types = ['samples/count', 'cpu/nanoseconds'], inlined = false } = {}): Uint8Array {
  const strings = new StringTable()
  const id = (text: string): number => strings.dedup(text)
  const profile = new Profile({
    stringTable: strings,
    sampleType: types.map((type) => {
      const [name = '', unit = ''] = type.split('/')
      return { type: id(name), unit: id(unit) }
    }),
    period: 10_000_000,
    function: [
      { id: 1, name: id('main.serve'), filename: id(`${root}/main.go`), startLine: 10 },
      { id: 2, name: id('main.spin'), filename: id(`${root}/spin.go`), startLine: 3 },
    ],
    location: inlined
      ? [
          {
            id: 1,
            line: [
              { functionId: 2, line: 5 },
              { functionId: 1, line: 12 },
            ],
          },
        ]
      : [
          { id: 1, line: [{ functionId: 1, line: 12 }] },
          { id: 2, line: [{ functionId: 2, line: 5 }] },
        ],
    sample: [
      { locationId: inlined ? [1] : [2, 1], value: [3, 30_000_000].slice(2 - types.length) },
      ...(inlined ? [] : [{ locationId: [1], value: [1, 10_000_000].slice(2 - types.length) }]),
    ],
  })
  return profile.encode()
}

function read(bytes: Uint8Array) {
  const result = readPprof(bytes, root)
  if (result.state === 'failed') throw new Error(result.reason)
  return result.profile
}

describe('a profile of pprof', () => {
  test.each([
    ['packed', gzipSync(encode())],
    ['not packed', encode()],
    ['without a number of samples', encode({ types: ['cpu/nanoseconds'] })],
  ])('%s has the CPU time of each function', (_, bytes) => {
    const tree = read(bytes)
    expect(tree.sampleMs).toBe(10)
    const [serve] = tree.roots
    expect(serve).toMatchObject({
      frame: { name: 'main.serve', file: 'main.go', line: 10 },
      samples: 1,
      children: [{ frame: { name: 'main.spin', file: 'spin.go', line: 3 }, samples: 3 }],
    })
  })

  test('has inlined functions below the one that they are inlined into', () => {
    const [inlined, called] = [encode({ inlined: true }), encode()].map((bytes) => ({
      requests: 1,
      ...read(bytes),
    }))
    if (inlined === undefined || called === undefined) throw new Error('two profiles')
    // The same time in the same function, whether the compiler inlined it or not.
    const { flame } = compareProfiles(inlined, called)
    expect(flame.find(({ name }) => name === 'main.spin')?.totalMs).toEqual({ baseline: 30, candidate: 30 })
  })

  test.each([
    ['of memory', encode({ types: ['alloc_objects/count', 'alloc_space/bytes'] }), /no CPU time/],
    ['that is a web page', Buffer.from('<!doctype html><title>Login</title>'), /something else|no CPU time/],
    ['that is cut short', gzipSync(encode()).subarray(0, 40), /something else/],
    ['that unpacks to gigabytes', gzipSync(Buffer.alloc(200 * 2 ** 20)), /something else/],
    ['that is empty', new Uint8Array(), /no CPU time/],
  ])('%s is refused in one line', (_, bytes, reason) => {
    expect(readPprof(bytes, root)).toEqual({ state: 'failed', reason: expect.stringMatching(reason) })
  })

  test('that is damaged anywhere is read or refused, and never throws', () => {
    const bytes = encode()
    for (let at = 0; at < bytes.length; at += 1) {
      const damaged = Uint8Array.from(bytes)
      damaged[at] = (damaged[at] ?? 0) ^ 0xff
      expect(['ok', 'failed']).toContain(readPprof(damaged, root).state)
    }
  })
})

describe('the path of a profile', () => {
  let close = (): void => undefined
  afterEach(() => close())

  async function capture(status: number, headers: Record<string, string>) {
    const paths: string[] = []
    const server = createServer((request, response) => {
      paths.push(request.url ?? '')
      response.writeHead(status, headers).end(gzipSync(encode()))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    close = () => server.close()
    const address: AddressInfo | string | null = server.address()
    if (address === null || typeof address === 'string') throw new Error('a port')
    const url = `http://127.0.0.1:${address.port}/debug/pprof/profile`
    const plan = {
      root,
      durationMs: 5000,
      countRequests: () => paths.length,
      signal: AbortSignal.timeout(10_000),
    }
    return { result: await captureFromPprof(url, plan), paths }
  }

  test('is asked for the seconds of the measurement', async () => {
    const { result, paths } = await capture(200, {})
    expect(result).toMatchObject({ state: 'ok', profile: { requests: 1 } })
    expect(paths).toEqual(['/debug/pprof/profile?seconds=5'])
  })

  test.each([
    [404, {}, 'target.profile answered 404, expected 200'],
    [302, { location: 'http://127.0.0.1:1/' }, expect.stringMatching(/^target.profile: .*redirect/)],
  ])('that answers %i is refused', async (status, headers, reason) => {
    const { result } = await capture(status, headers)
    expect(result).toEqual({ state: 'failed', reason })
  })
})
