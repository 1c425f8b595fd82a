import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** A key with its certificate, in PEM. */
export interface Identity {
  key: string
  cert: string
}

/** A certificate authority for tests. vigil trusts it if `NODE_EXTRA_CA_CERTS` names its file. */
export interface Authority {
  file: string
  /**
   * A certificate for `127.0.0.1` or another name, good for a day or, when it is `expired`, until yesterday.
   */
  issue: (subject: string, state?: 'good' | 'expired') => Identity
  selfSigned: () => Identity
}

const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']

/** Creates an authority with openssl for each test run, so that no committed key can expire or leak. */
export function certificateAuthority(folder: string): Authority {
  const openssl = (...args: string[]): void =>
    void execFileSync('openssl', args, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] })
  const read = (name: string): string => readFileSync(join(folder, name), 'utf8')
  openssl(
    'req',
    '-x509',
    ...key,
    '-keyout',
    'authority.key',
    '-out',
    'authority.pem',
    '-days',
    '1',
    '-subj',
    '/CN=vigil test authority',
  )
  return {
    file: join(folder, 'authority.pem'),
    issue: (subject, state = 'good') => {
      writeFileSync(
        join(folder, 'names'),
        `subjectAltName=${/^[\d.]+$/.test(subject) ? 'IP' : 'DNS'}:${subject}`,
      )
      openssl('req', ...key, '-keyout', 'leaf.key', '-out', 'leaf.csr', '-subj', '/CN=leaf')
      openssl(
        'x509',
        '-req',
        '-in',
        'leaf.csr',
        '-CA',
        'authority.pem',
        '-CAkey',
        'authority.key',
        '-days',
        state === 'good' ? '1' : '-1',
        '-extfile',
        'names',
        '-out',
        'leaf.pem',
      )
      return { key: read('leaf.key'), cert: read('leaf.pem') }
    },
    selfSigned: () => {
      openssl(
        'req',
        '-x509',
        ...key,
        '-keyout',
        'self.key',
        '-out',
        'self.pem',
        '-days',
        '1',
        '-subj',
        '/CN=127.0.0.1',
        '-addext',
        'subjectAltName=IP:127.0.0.1',
      )
      return { key: read('self.key'), cert: read('self.pem') }
    },
  }
}
