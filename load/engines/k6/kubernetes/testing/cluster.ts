import { randomBytes } from 'node:crypto'
import { generateKeyPairSync } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { startChild } from '../../../../../runtime/processes/index.ts'
import type { Child } from '../../../../../runtime/processes/index.ts'
import { freePort } from '../../../../../runtime/services/index.ts'
import { requireTool } from '../../../../../runtime/tools/index.ts'

/** A JSON request as the cluster's administrator; throws when it is refused. */
export type Admin = <T = unknown>(method: string, path: string, body?: unknown) => Promise<T>

/** A Kubernetes API server, with the controllers that make pods of jobs, on this machine. It has no node. */
export interface Cluster {
  admin: Admin
  kubectl: string
  /** kubectl's config, with a context for the administrator `admin` and for `loader`, who has no rights. */
  kubeconfig: string
  folder: string
  stop: () => Promise<void>
}

const env = { PATH: process.env['PATH'], HOME: process.env['HOME'] }

export async function startCluster(): Promise<Cluster> {
  const folder = await mkdtemp(join(tmpdir(), 'vigil-cluster-'))
  const [clientPort, peerPort, apiPort, managerPort] = [
    await freePort(),
    await freePort(),
    await freePort(),
    await freePort(),
  ]
  const token = randomBytes(16).toString('hex')
  const loaderToken = randomBytes(16).toString('hex')
  const url = `https://127.0.0.1:${apiPort}`
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const keyFile = join(folder, 'service-accounts.key')
  await writeFile(keyFile, privateKey.export({ type: 'pkcs1', format: 'pem' }), { mode: 0o600 })
  const tokens = join(folder, 'tokens.csv')
  await writeFile(tokens, `${token},admin,admin,"system:masters"\n${loaderToken},loader,loader\n`, {
    mode: 0o600,
  })
  const kubeconfig = join(folder, 'kubeconfig')
  await writeFile(kubeconfig, toKubeconfig(url, { admin: token, loader: loaderToken }), { mode: 0o600 })
  const children: Child[] = []
  const start = (name: string, program: string, args: string[]): void => {
    const outputFile = join(folder, `${name}.log`)
    children.push(startChild(program, args, { env, cwd: folder, outputFile }))
  }
  const etcdUrl = `http://127.0.0.1:${clientPort}`
  const peerUrl = `http://127.0.0.1:${peerPort}`
  start('etcd', await requireTool('etcd'), [
    `--data-dir=${join(folder, 'etcd')}`,
    `--listen-client-urls=${etcdUrl}`,
    `--advertise-client-urls=${etcdUrl}`,
    `--listen-peer-urls=${peerUrl}`,
    `--initial-advertise-peer-urls=${peerUrl}`,
    `--initial-cluster=default=${peerUrl}`,
    // What it writes is thrown away: a disk that is busy must not delay the test.
    '--unsafe-no-fsync',
  ])
  start('kube-apiserver', await requireTool('kube-apiserver'), [
    `--etcd-servers=${etcdUrl}`,
    `--secure-port=${apiPort}`,
    '--bind-address=127.0.0.1',
    `--cert-dir=${join(folder, 'certificates')}`,
    `--service-account-key-file=${keyFile}`,
    `--service-account-signing-key-file=${keyFile}`,
    '--service-account-issuer=https://kubernetes.default.svc',
    `--token-auth-file=${tokens}`,
    '--authorization-mode=RBAC',
    '--service-cluster-ip-range=10.96.0.0/16',
    '--kubelet-preferred-address-types=InternalIP',
  ])
  const admin = adminOf(url, token)
  await until('the API server', 60_000, async () => (await admin<string>('GET', '/readyz')) === 'ok')
  start('kube-controller-manager', await requireTool('kube-controller-manager'), [
    `--kubeconfig=${kubeconfig}`,
    `--secure-port=${managerPort}`,
    '--bind-address=127.0.0.1',
    '--leader-elect=false',
    `--service-account-private-key-file=${keyFile}`,
    '--use-service-account-credentials=false',
    '--controllers=job-controller,garbage-collector-controller,resourcequota-controller,' +
      'serviceaccount-controller,namespace-controller',
  ])
  return {
    admin,
    kubectl: await requireTool('kubectl'),
    kubeconfig,
    folder,
    stop: async () => {
      await Promise.all(children.toReversed().map(async (child) => child.stop(5000)))
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** Waits for something that the cluster does by itself. */
export async function until(what: string, ms: number, isDone: () => Promise<boolean>): Promise<void> {
  const limit = performance.now() + ms
  while (!(await isDone().catch(() => false))) {
    if (performance.now() > limit) throw new Error(`${what}: not done after ${ms / 1000} s`)
    await delay(100)
  }
}

function toKubeconfig(server: string, tokens: Record<string, string>): string {
  const names = Object.keys(tokens)
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'local', cluster: { server, 'insecure-skip-tls-verify': true } }],
    users: names.map((name) => ({ name, user: { token: tokens[name] } })),
    contexts: names.map((name) => ({ name, context: { cluster: 'local', user: name } })),
    'current-context': 'admin',
  })
}

function adminOf(url: string, token: string): Admin {
  return async <T>(method: string, path: string, body?: unknown): Promise<T> => {
    const { promise, resolve, reject } = Promise.withResolvers<T>()
    const text = body === undefined ? '' : JSON.stringify(body)
    const headers = {
      'content-length': Buffer.byteLength(text),
      authorization: `Bearer ${token}`,
      'content-type': method === 'PATCH' ? 'application/merge-patch+json' : 'application/json',
    }
    // The API server made its certificate a moment ago.
    const options = { method, headers, rejectUnauthorized: false, timeout: 20_000 }
    const sent = request(url + path, options, (response) => {
      let answer = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => (answer += chunk))
      response.on('end', () => {
        if ((response.statusCode ?? 500) >= 300)
          reject(new Error(`${method} ${path}: ${answer.slice(0, 300)}`))
        else resolve((answer.startsWith('{') ? JSON.parse(answer) : answer) as T)
      })
    })
    sent.on('error', reject)
    sent.end(text)
    return promise
  }
}
