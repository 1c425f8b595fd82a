import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo, Server } from 'node:net'
import { createServer as createRawServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest'
import { certificateAuthority } from '../journeys/client/testing/certificates.ts'
import { runProbes } from './probes.ts'
import type { ProbeResult } from '../record/index.ts'

const folder = mkdtempSync(join(tmpdir(), 'vigil-certificate-'))
const authority = certificateAuthority(folder)
const before = getCACertificates('default')
setDefaultCACertificates([...before, readFileSync(authority.file, 'utf8')])
const good = authority.issue('127.0.0.1')
afterAll(() => {
  setDefaultCACertificates(before)
  rmSync(folder, { recursive: true, force: true })
})

let server: Server | undefined
afterEach(() => server?.close())

async function listening(made: Server): Promise<string> {
  server = made
  await new Promise<void>((resolve) => made.listen(0, '127.0.0.1', resolve))
  return `https://127.0.0.1:${(made.address() as AddressInfo).port}`
}

async function probed(
  targetUrl: string,
  now: () => number = Date.now,
  spec = 'vigil:tls',
  timeoutMs = 10_000,
): Promise<ProbeResult | undefined> {
  const { probes } = await runProbes({
    targetUrl,
    journeys: [],
    probes: { tls: { spec, timeoutMs } },
    run: 'r',
    signal: new AbortController().signal,
    now,
    env: {},
    certificate: (probe, expiresAtMs) => seen.push([probe, expiresAtMs]),
  })
  return probes[0]
}

const day = 86_400_000
let seen: [probe: string, expiresAtMs: number][] = []
beforeEach(() => {
  seen = []
})

/** A target's certificate with the authority above it, below a root that is trusted, by their days. */
function issueChain(
  chain: string,
  days: { own: number; authority: number; root: number },
): { key: string; cert: string } {
  const run = (...args: string[]): void =>
    void execFileSync('openssl', args, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] })
  const read = (name: string): string => readFileSync(join(folder, name), 'utf8')
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  const issue = (name: string, by: string, validDays: number, extension: string): void => {
    writeFileSync(join(folder, `${name}.ext`), extension)
    run(
      'req',
      ...key,
      '-keyout',
      `${name}.key`,
      '-out',
      `${name}.csr`,
      '-subj',
      `/CN=the ${name} of ${chain}`,
    )
    const signer = by === name ? ['-signkey', `${by}.key`] : ['-CA', `${by}.pem`, '-CAkey', `${by}.key`]
    const lasts = ['-days', String(validDays), '-extfile', `${name}.ext`]
    run('x509', '-req', '-in', `${name}.csr`, ...signer, ...lasts, '-out', `${name}.pem`)
  }
  issue('root', 'root', days.root, 'basicConstraints=critical,CA:true')
  issue('intermediate', 'root', days.authority, 'basicConstraints=critical,CA:true')
  issue('own', 'intermediate', days.own, 'subjectAltName=IP:127.0.0.1')
  setDefaultCACertificates([...getCACertificates('default'), read('root.pem')])
  return { key: read('own.key'), cert: read('own.pem') + read('intermediate.pem') }
}

// All before the first connection: the trusted roots are read once.
const chains = (
  [
    ['its own certificate', { own: 5, authority: 9, root: 90 }, 'the certificate expires'],
    ['an authority', { own: 9, authority: 5, root: 90 }, 'its authority the intermediate of an authority'],
    ['the root', { own: 90, authority: 9, root: 5 }, 'its authority the root of the root'],
  ] as const
).map(([name, days, message]) => [name, issueChain(name, days), message] as const)

describe('a chain of certificates', () => {
  it.each(chains)('is valid until the first expiry, of %s', async (_, identity, message) => {
    const url = await listening(createServer(identity, (_request, response) => response.end()))
    const result = await probed(url)
    expect(result).toMatchObject({ outcome: 'degraded', message: expect.stringContaining(message) })
    expect(((seen[0]?.[1] ?? 0) - Date.now()) / day).toBeCloseTo(5, 1)
  })
})

describe('the certificate of a target', () => {
  // It is good for one day from now: seen from so many days ago it has that many more.
  it.each([
    [20, 'up', undefined],
    [
      12,
      'degraded',
      /^the certificate(?: of its authority vigil test authority)? expires in 1[23]\.\d days, on \d{4}-\d\d-\d\d, expected at least 14 days$/,
    ],
    [
      1,
      'down',
      /^certificate failed \(tls\): the certificate(?: of its authority vigil test authority)? expires in [12]\.\d days, .* expected at least 3 days$/,
    ],
  ] as const)('seen %i days earlier is %s', async (days, outcome, message) => {
    const url = await listening(createServer(good))
    const result = await probed(url, () => Date.now() - days * day)
    expect(result).toMatchObject({
      name: 'tls',
      outcome,
      steps: [{ step: 'certificate', ok: outcome !== 'down' }],
    })
    expect(seen).toEqual([['tls', expect.closeTo(Date.now() + day, -6)]])
    expect(result?.message ?? '').toMatch(message ?? /^$/)
  })

  it('is down when it has expired, or its authority is unknown', async () => {
    const expired = await listening(createServer(authority.issue('127.0.0.1', 'expired')))
    expect(await probed(expired)).toMatchObject({
      outcome: 'down',
      message: expect.stringMatching(/^certificate failed \(tls\): the certificate has expired/),
    })
    server?.close()
    const own = await listening(createServer(authority.selfSigned()))
    expect(await probed(own)).toMatchObject({
      outcome: 'down',
      steps: [{ class: 'tls' }],
      message: expect.stringContaining('self-signed'),
    })
  })

  it('is down in time when the target says nothing', async () => {
    const silent = await listening(createRawServer((socket) => socket.on('error', () => undefined)))
    expect(await probed(silent, Date.now, 'vigil:tls', 300)).toMatchObject({
      outcome: 'down',
      message: 'certificate failed (timeout): no certificate within 300 ms',
    })
  })

  it('of an http target has nothing to expire, and the message says so', async () => {
    expect(await probed('http://127.0.0.1:1')).toMatchObject({
      outcome: 'up',
      message: 'http has no certificate: nothing to expire',
    })
  })
})

it('a built-in check that does not exist is unknown, not up', async () => {
  expect(await probed('http://127.0.0.1:1', Date.now, 'vigil:tsl')).toMatchObject({
    outcome: 'unknown',
    message: 'not run: there is no check vigil:tsl, only vigil:tls',
  })
})
