import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:https'
import { connect, createServer as createRawServer } from 'node:net'
import type { AddressInfo, Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sendRequest, trustCertificates } from '../../journeys/client/index.ts'
import { certificateAuthority } from '../../journeys/client/testing/certificates.ts'
import { latencyOf } from '../../record/index.ts'
import { requireTool } from '../../runtime/tools/index.ts'
import { checkCertificate } from '../../synthetics/certificate.ts'
import type { Engine, LoadPlan, LoadResult } from '../index.ts'
import { autocannonEngine } from './autocannon/index.ts'
import { createK6Engine } from './k6/index.ts'
import { findTrustProblem } from './k6/k6-process.ts'

/*
 * A target whose certificate is of an authority of its own, and whose connections take long to open: every
 * engine trusts it, or none; and every latency has the time to connect in it.
 */

const handshakeMs = 150
const signal = new AbortController().signal
const folder = mkdtempSync(join(tmpdir(), 'vigil-https-'))
const authority = certificateAuthority(folder)
const server = createServer(authority.issue('127.0.0.1'), (_request, response) =>
  response.setHeader('connection', 'close').end('ok'),
)
// Holds the first bytes of each connection back, which are the client's part of the handshake.
const slow = createRawServer((socket) => {
  socket.on('error', () => undefined)
  setTimeout(() => {
    const inner = connect((server.address() as AddressInfo).port, '127.0.0.1')
    inner.on('error', () => socket.destroy())
    socket.pipe(inner).pipe(socket)
  }, handshakeMs)
})
let url: string
let k6: string

const listen = async (on: Server): Promise<void> =>
  new Promise((resolve) => void on.listen(0, '127.0.0.1', resolve))

beforeAll(async () => {
  writeFileSync(
    join(folder, 'journeys.mjs'),
    "const request = () => ({ method: 'GET', path: '/' })\n" +
      "export default [{ name: 'home', steps: [{ name: 'get', request }] }]",
  )
  await listen(server)
  await listen(slow)
  url = `https://127.0.0.1:${(slow.address() as AddressInfo).port}`
  k6 = await requireTool('k6')
})
afterAll(() => {
  slow.close()
  server.close()
  rmSync(folder, { recursive: true, force: true })
})

async function run(engine: Engine, load: LoadPlan['load']): Promise<LoadResult> {
  const plan: LoadPlan = {
    run: engine.name,
    suite: 'https',
    targetUrl: url,
    source: {
      kind: 'journeys',
      module: join(folder, 'journeys.mjs'),
      mix: [{ journey: 'home', weight: 1 }],
    },
    load,
    warmupMs: 0,
    durationMs: 1500,
    requestTimeoutMs: 5000,
  }
  return engine.run(plan, {
    folder: mkdtempSync(join(folder, 'run-')),
    signal,
    progress: () => undefined,
    measuring: () => undefined,
  })
}

const engines: [name: string, load: () => Promise<LoadResult>][] = [
  ['k6', async () => run(createK6Engine(k6), { model: 'arrival-rate', ratePerSecond: 20 })],
  ['autocannon', async () => run(autocannonEngine(), { model: 'connections', connections: 2 })],
]

async function probe(): Promise<{ state: string; class?: string; durationMs: number }> {
  const request = { method: 'GET', path: '/', headers: {}, body: undefined }
  return sendRequest(url, request, { timeoutMs: 5000, maxBodyBytes: 100, signal, purpose: 'probe' })
}

describe('a certificate of an authority that no one trusts', () => {
  it.each(engines)('fails every request of %s', async (_, load) => {
    const result = await load()
    if (result.state !== 'ok') throw new Error(JSON.stringify(result))
    const { failures, endpoints } = result.measurement
    const { requests = 0, errors } = endpoints['home/get'] ?? {}
    expect(requests).toBeGreaterThan(0)
    expect(errors).toBe(requests)
    // A machine that stands still drops arrivals in addition.
    expect(failures.map(({ class: failure }) => failure).filter((failure) => failure !== 'dropped')).toEqual([
      'tls',
    ])
  })
  it('fails a probe and the probe of the certificate', async () => {
    expect(await probe()).toMatchObject({ state: 'failed', class: 'tls' })
    expect(await checkCertificate(url, 5000, signal)).toMatchObject({ state: 'failed', class: 'tls' })
  })
})

describe('the same, trusted by `target.ca`', () => {
  beforeAll(() => {
    const problem = trustCertificates(authority.file)
    if (problem !== undefined) throw new Error(problem)
  })

  it.each(engines)('%s trusts it, and waits for its connections', async (_, load) => {
    const result = await load()
    if (result.state !== 'ok') throw new Error(JSON.stringify(result))
    const { endpoints, connections } = result.measurement
    const { errors = 1, histogram = [] } = endpoints['home/get'] ?? {}
    expect(errors).toBe(0)
    expect(latencyOf(histogram).p50Ms).toBeGreaterThanOrEqual(handshakeMs)
    expect(latencyOf(connections?.histogram ?? []).p50Ms).toBeGreaterThanOrEqual(handshakeMs)
    expect(latencyOf(connections?.histogram ?? []).p50Ms).toBeLessThanOrEqual(latencyOf(histogram).p50Ms)
  })
  it('and so do probes', async () => {
    const sent = await probe()
    expect(sent.state).toBe('ok')
    expect(sent.durationMs).toBeGreaterThanOrEqual(handshakeMs)
    expect(await checkCertificate(url, 5000, signal)).toMatchObject({ state: 'ok' })
  })
  it('where k6 cannot be given it, there is no measurement, and the reason names both', () => {
    expect(findTrustProblem([url], {}, 'darwin')).toBe(
      `k6 trusts only the system's certificates on darwin: add those of ${authority.file} to the system's`,
    )
    expect(findTrustProblem(['http://a'], {}, 'darwin')).toBeUndefined()
    expect(findTrustProblem([url], {}, 'linux')).toBeUndefined()
  })
})

it.each([
  ['missing', 'no-such.pem', /no-such\.pem: ENOENT.*expected certificates in PEM/],
  ['empty', 'journeys.mjs', /found no certificate, expected certificates in PEM/],
  ['a key', 'authority.key', /found no certificate/],
])('a file that is %s is refused with what was expected', (_, name, problem) => {
  expect(trustCertificates(join(folder, name))).toMatch(problem)
})
