import { lookup } from 'node:dns/promises'
import { connect as connectTcp, isIP } from 'node:net'
import type { Socket } from 'node:net'
import {
  connect as connectTls,
  createSecureContext,
  getCACertificates,
  setDefaultCACertificates,
} from 'node:tls'
import type { ConnectionOptions, SecureContext } from 'node:tls'
import type { Address } from '../index.ts'
import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { decodeText } from '../../record/store/index.ts'

/** Returns the IP addresses of a host name, the preferred one first. Rejects if there are none. */
export type LookUp = (hostname: string) => Promise<readonly string[]>

/** Asks the operating system, as browsers do. */
export const lookUpAddresses: LookUp = async (hostname) =>
  (await lookup(hostname, { all: true })).map(({ address }) => address)

/** Where and how to connect. */
export interface ConnectPlan {
  address: Address
  /** The IP address to connect to, if it has been chosen already. */
  ip?: string | undefined
  lookUp?: LookUp
  /** The only time limit. */
  signal: AbortSignal
}

/**
 * Opens a connection to a target, with TLS and a checked certificate for https. If the host name has several
 * addresses, the first that accepts is used.
 */
export async function openSocket(plan: ConnectPlan): Promise<Socket> {
  const { address, signal } = plan
  const ips = plan.ip === undefined ? await findAddresses(plan) : [plan.ip]
  const { socket } = await connectToFirst(ips, address.port, signal)
  return address.protocol === 'https:' ? secure(socket, address, signal) : socket
}

async function findAddresses({
  address: { hostname },
  lookUp = lookUpAddresses,
  signal,
}: ConnectPlan): Promise<readonly string[]> {
  return isIP(hostname) === 0 ? [...new Set(await orAborted(lookUp(hostname), signal))] : [hostname]
}

/**
 * Ends the wait for work that cannot be cancelled, such as a name server's answer, when the signal aborts.
 */
export async function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>()
  const abort = (): void => reject(abortReason(signal))
  if (signal.aborted) abort()
  signal.addEventListener('abort', abort, { once: true })
  try {
    return await Promise.race([work, promise])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

function abortReason({ reason }: AbortSignal): Error {
  return reason instanceof Error ? reason : new Error('aborted')
}

// As RFC 8305 recommends.
const headStartMs = 250

/**
 * Connects to the first address that accepts. Each one gets a head start before the next; a slow one is not
 * given up, as `autoSelectFamily` of Node does after 250 ms.
 */
async function connectToFirst(
  ips: readonly string[],
  port: number,
  signal: AbortSignal,
): Promise<{ socket: Socket; ip: string }> {
  const attempts = new Set<Socket>()
  const errors: unknown[] = []
  const waiting = ips.values()
  const { promise, resolve, reject } = Promise.withResolvers<{ socket: Socket; ip: string }>()
  let timer: NodeJS.Timeout | undefined
  const attemptNext = (): void => {
    clearTimeout(timer)
    const { value: host } = waiting.next()
    if (host === undefined) {
      if (attempts.size === 0) reject(new AggregateError(errors, 'no address accepts a connection'))
      return
    }
    const socket = connectTcp({ host, port, noDelay: true, autoSelectFamily: false })
    attempts.add(socket)
    socket.once('error', (error) => {
      attempts.delete(socket)
      errors.push(error)
      attemptNext()
    })
    socket.once('connect', () => resolve({ socket, ip: host }))
    timer = setTimeout(attemptNext, headStartMs)
  }
  attemptNext()
  try {
    const first = await orAborted(promise, signal)
    attempts.delete(first.socket)
    first.socket.removeAllListeners('error').removeAllListeners('connect')
    return first
  } finally {
    clearTimeout(timer)
    for (const socket of attempts)
      socket
        .removeAllListeners('error')
        .on('error', () => undefined)
        .destroy()
  }
}

async function secure(socket: Socket, { hostname }: Address, signal: AbortSignal): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>()
  const secured = connectTls({
    socket,
    host: hostname,
    ...tlsOptions(hostname),
  })
  secured.once('error', reject)
  secured.once('secureConnect', () => resolve(secured))
  try {
    await orAborted(promise, signal)
    return secured.removeListener('error', reject)
  } catch (error) {
    secured.on('error', () => undefined).destroy()
    throw error
  }
}

/**
 * Starts a connection to a target, with TLS and a checked certificate for https, and returns it before it is
 * established.
 *
 * @param ip the address chosen for the host name
 */
export function startConnecting({ protocol, hostname, port }: Address, ip: string | undefined): Socket {
  const options = { host: ip ?? hostname, port, noDelay: true }
  return protocol === 'https:' ? connectTls({ ...options, ...tlsOptions(hostname) }) : connectTcp(options)
}

// An IP address is not a server name: RFC 6066 allows only host names.
function tlsOptions(hostname: string): ConnectionOptions {
  return {
    secureContext: trustedContext(),
    ALPNProtocols: ['http/1.1'],
    ...(isIP(hostname) === 0 && { servername: hostname }),
  }
}

/** How a load reaches its target: every engine connects to the same address. */
export interface Route {
  /** Undefined if the host name has no address. */
  ip: string | undefined
  /** For the reader, if the name has addresses that get no load. */
  note: string | undefined
}

/** Chooses the address of a target that a load goes to: the first that accepts a connection. */
export async function findRoute(plan: ConnectPlan): Promise<Route> {
  const { address, signal } = plan
  let ips: readonly string[] = []
  try {
    ips = await findAddresses(plan)
    if (ips.length < 2) return { ip: ips[0], note: undefined }
    const { socket, ip } = await connectToFirst(ips, address.port, signal)
    socket.destroy()
    return toRoute(address, ips, ip)
  } catch {
    // The requests of the load fail in the same way, and are counted.
    return toRoute(address, ips, ips[0])
  }
}

function toRoute({ hostname }: Address, ips: readonly string[], ip: string | undefined): Route {
  const others = ips.filter((other) => other !== ip)
  if (ip === undefined || others.length === 0) return { ip, note: undefined }
  return {
    ip,
    note: `${hostname} has ${ips.length} addresses: all load went to ${ip}, none to ${others.join(', ')}`,
  }
}

/*
 * One trust for all engines: the certificates that Node brings, those of the system (or of `SSL_CERT_FILE`
 * and `SSL_CERT_DIR`), `NODE_EXTRA_CA_CERTS`, and the target's own. By itself Node trusts the first and
 * third, and k6 the second.
 */

const certificatePattern = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g

/** The file of the config that was trusted in addition, for messages. */
let trustedFile: string | undefined
/** Built once: for each connection it would cost more than the handshake. */
let context: SecureContext | undefined

/**
 * Makes this process trust the certificates of all engines, and those of a file. Takes about 60 ms, so it is
 * done only where a target needs it.
 *
 * @param file PEM, absolute
 * @returns why the file cannot be used, or undefined
 */
export function trustCertificates(file: string | undefined): string | undefined {
  let added: string[] = []
  try {
    if (file !== undefined) added = readCertificates(file)
  } catch (error) {
    return `${file}: ${error instanceof Error ? error.message : String(error)}, expected certificates in PEM`
  }
  setDefaultCACertificates([...listTrusted(), ...added])
  trustedFile = file ?? trustedFile
  context = undefined
  return undefined
}

function readCertificates(file: string): string[] {
  const certificates = decodeText(readFileSync(file), file).match(certificatePattern) ?? []
  if (certificates.length === 0) throw new Error('found no certificate')
  // The parser throws for one that is damaged.
  return certificates.map((certificate) => new X509Certificate(certificate).toString())
}

/** Every certificate that is trusted, in PEM. */
function listTrusted(): string[] {
  return [...new Set([...getCACertificates('default'), ...getCACertificates('system')])]
}

/** The same trust for another process: one PEM file. */
export function formatTrusted(): string {
  return `${listTrusted().join('\n')}\n`
}

/** What connections are secured with. A certificate that is trusted need not be a root, as in k6. */
export function trustedContext(): SecureContext {
  context ??= createSecureContext({ allowPartialTrustChain: true })
  return context
}

/**
 * The certificates that an engine cannot be given on this system, by the file that names them; undefined
 * where it trusts whatever this process trusts. Go asks macOS and Windows, and reads no file there.
 */
export function findUntrustedByGo(platform: NodeJS.Platform, env: NodeJS.ProcessEnv): string | undefined {
  if (platform !== 'darwin' && platform !== 'win32') return undefined
  return trustedFile ?? (env['NODE_EXTRA_CA_CERTS'] || undefined)
}
