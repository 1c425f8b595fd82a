import { createServer } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { createServer as createRawServer } from 'node:net'
import type { AddressInfo, Server } from 'node:net'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import type { Verdict } from '../baselines/index.ts'
import type { ProbesReport } from '../record/index.ts'
import { certificateAuthority } from '../journeys/client/testing/certificates.ts'
import type { Identity } from '../journeys/client/testing/certificates.ts'
import { freePort } from './testing/service.ts'
import { homeSuites, workplace } from './testing/vigil.ts'

const place = workplace()
const authority = certificateAuthority(place.folder)
afterAll(() => place.remove())

let server: Server | undefined
afterEach(async () => {
  server?.close()
  server = undefined
})

async function port(listening: Server): Promise<number> {
  server = listening
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve))
  return (listening.address() as AddressInfo).port
}

async function tls(identity: Identity): Promise<string> {
  const server = createTlsServer(identity, (_request, response) => response.end('ok'))
  return `https://127.0.0.1:${await port(server)}`
}

const targets: [what: string, start: () => Promise<string>, kind: string, says: string][] = [
  ['no one listens to', async () => `http://127.0.0.1:${await freePort()}`, 'connect', 'connection refused'],
  [
    'accepts connections and never answers',
    async () =>
      `http://127.0.0.1:${await port(createRawServer((socket) => socket.on('error', () => undefined)))}`,
    'timeout',
    'no complete answer',
  ],
  ['has a name that does not exist', async () => 'http://no-such-host.invalid', 'dns', 'name'],
  ['has a self-signed certificate', async () => tls(authority.selfSigned()), 'tls', 'self-signed'],
  ['has an expired certificate', async () => tls(authority.issue('127.0.0.1', 'expired')), 'tls', 'expired'],
  [
    'has a certificate for another host',
    async () => tls(authority.issue('other.example')),
    'tls',
    'another host',
  ],
  [
    'hangs up without a word',
    async () => `http://127.0.0.1:${await port(createRawServer((socket) => socket.destroy()))}`,
    'connect',
    'connection',
  ],
]

describe('a target that', () => {
  it.each(targets)(
    '%s is not loaded: invalid, exit 4, the class named; for a probe it is down, exit 1',
    async (_what, start, kind, says) => {
      const url = await start()
      place.configure({
        target: { url },
        probes: { home: { journey: 'home', attempts: 1, timeoutMs: 1000 } },
        suites: {
          capacity: { ...homeSuites.capacity, durationSeconds: 60 },
        },
        budgets: { p95Ms: 500 },
      })
      const trust = { env: { NODE_EXTRA_CA_CERTS: authority.file } }
      const [gate, load, probe] = await Promise.all([
        place.vigil(['gate', '--json', '--target', url], trust),
        place.vigil(['load', '--target', url], trust),
        place.vigil(['probe', '--json', '--target', url], trust),
      ])
      const verdict = JSON.parse(gate.stdout) as Verdict
      expect([verdict.verdict, gate.code, load.code]).toEqual(['invalid', 4, 4])
      expect(verdict.rows[0]?.message).toContain(`(${kind})`)
      expect(verdict.rows[0]?.message).toContain(says)
      expect(load.stdout).toContain(`(${kind})`)
      const [outcome] = (JSON.parse(probe.stdout) as ProbesReport).probes
      expect([outcome?.outcome, outcome?.steps[0]?.class, probe.code]).toEqual(['down', kind, 1])
    },
  )

  it('has a certificate of a trusted authority for its host is probed', async () => {
    const url = await tls(authority.issue('127.0.0.1'))
    place.configure({
      target: { url },
      probes: { home: { journey: 'home' } },
      suites: {
        capacity: homeSuites.capacity,
      },
    })
    const { code, stdout } = await place.vigil(['probe', '--target', url], {
      env: { NODE_EXTRA_CA_CERTS: authority.file },
    })
    expect([code, stdout]).toEqual([0, expect.stringContaining('PASS')])
  })
})

describe('a duet of URLs', () => {
  const open = {
    engine: 'k6' as const,
    journeys: { home: 1 },
    load: { ratePerSecond: 5 },
    warmupSeconds: 0,
    durationSeconds: 5,
  }
  it('whose metrics are refused is not measured without them: exit 4', async () => {
    const service = createServer(({ url }, response) => {
      response.statusCode = url === '/metrics' ? 401 : 200
      response.end('ok')
    })
    const url = `http://127.0.0.1:${await port(service)}`
    place.configure({ target: { url, metrics: '/metrics' }, suites: { open } })
    const { code, stdout } = await place.vigil(['ab', '--json', url, url, '--pairs', '8'])
    const verdict = JSON.parse(stdout) as Verdict
    expect([verdict.verdict, code]).toEqual(['invalid', 4])
    expect(verdict.rows[0]?.message).toContain('target.metrics: /metrics answered 401, expected 200')
  })

  it.each([
    ['of which neither is there', false, 'the baseline: '],
    ['of which one is not there', true, 'the candidate: '],
  ])('%s is not measured: exit 4, the side and the class named', async (_what, isBaseUp, side) => {
    const dead = `http://127.0.0.1:${await freePort()}`
    const base = isBaseUp
      ? `http://127.0.0.1:${await port(createServer((_request, response) => response.end('ok')))}`
      : dead
    place.configure({ target: { url: dead }, suites: { open } })
    const { code, stdout } = await place.vigil(['ab', '--json', base, dead, '--pairs', '8'])
    const verdict = JSON.parse(stdout) as Verdict
    expect([verdict.verdict, code]).toEqual(['invalid', 4])
    expect(verdict.rows[0]?.message).toContain(`${side}the target at ${dead} cannot be reached (connect)`)
  })
})
