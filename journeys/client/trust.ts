import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createSecureContext, getCACertificates, setDefaultCACertificates } from 'node:tls'
import type { SecureContext } from 'node:tls'
import { decodeText } from '../../record/store/index.ts'

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
