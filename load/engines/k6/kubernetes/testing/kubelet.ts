import { mkdir, writeFile } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { dirname, join } from 'node:path'
import { startChild } from '../../../../../runtime/processes/index.ts'
import type { Child, ChildEnd } from '../../../../../runtime/processes/index.ts'
import { freePort } from '../../../../../runtime/services/index.ts'
import { selfSigned } from '../../../autocannon/testing/certificate.ts'
import { k6Path } from '../../testing/run.ts'
import type { Admin } from './cluster.ts'
import type { Container, List, PodObject } from './objects.ts'
import { repeat } from './repeat.ts'

/* A stand-in for scheduler, kubelet and network: it runs each pod's command as a process on this machine. */

/** A pod as it runs here. */
interface Running {
  pod: PodObject
  child: Child | undefined
  port: number
  lines: string[]
  /** Called for each new line, and at the end. */
  listeners: Set<() => void>
  hasEnded: boolean
  /** Once: k6 takes a second signal as an order to end without a summary. */
  isTerminated: boolean
}

interface ServiceObject {
  spec: { clusterIP: string; selector?: Record<string, string> }
}

export interface Kubelet {
  /** Ends the processes of a job's pod. */
  kill: (job: string, signal: NodeJS.Signals) => boolean
  /** Jobs whose command ends with an error instead. */
  broken: RegExp | undefined
  /** Where each k6 also writes all its samples: the truth that the merged result is compared with. */
  samples: string | undefined
  /** Takes a pod's log line, and returns what is left of it: undefined loses it. */
  damage: ((job: string, line: string) => string | undefined) | undefined
  stop: () => Promise<void>
}

const nodeName = 'node-1'
/** Shorter than kubelet's half a minute. */
const graceMs = 10_000

export async function startKubelet(admin: Admin, folder: string): Promise<Kubelet> {
  const node = new StandInNode(admin, folder, dirname(await k6Path()))
  await node.listen()
  return node
}

class StandInNode implements Kubelet {
  damage: Kubelet['damage']
  samples: string | undefined
  broken: RegExp | undefined
  readonly #admin: Admin
  readonly #folder: string
  readonly #programs: string
  readonly #running = new Map<string, Running>()
  /** By cluster IP, the job that a service selects: what kube-proxy knows. */
  readonly #services = new Map<string, string>()
  readonly #server = createServer(selfSigned, (incoming, outgoing) => this.#serveLog(incoming, outgoing))
  #loop: { stop: () => Promise<void> } | undefined

  constructor(admin: Admin, folder: string, programs: string) {
    this.#admin = admin
    this.#folder = folder
    this.#programs = programs
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    const { port } = this.#server.address() as AddressInfo
    await this.#admin('POST', '/api/v1/nodes', {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name: nodeName, labels: { 'kubernetes.io/hostname': nodeName } },
    })
    await this.#admin('PATCH', `/api/v1/nodes/${nodeName}/status`, {
      status: {
        addresses: [{ type: 'InternalIP', address: '127.0.0.1' }],
        daemonEndpoints: { kubeletEndpoint: { Port: port } },
      },
    })
    this.#loop = repeat(200, async () => this.#sync())
  }

  kill(job: string, signal: NodeJS.Signals): boolean {
    const found = [...this.#running.values()].filter(({ pod }) => jobOf(pod) === job)
    for (const { child } of found) child?.signal(signal)
    return found.some(({ child }) => child !== undefined)
  }

  async stop(): Promise<void> {
    await this.#loop?.stop()
    await Promise.all([...this.#running.values()].map(async ({ child }) => child?.stop(1000)))
    this.#server.closeAllConnections()
    this.#server.close()
  }

  async #sync(): Promise<void> {
    const { items } = await this.#admin<List<PodObject>>('GET', '/api/v1/pods')
    const services = await this.#admin<List<ServiceObject>>('GET', '/api/v1/services')
    for (const { spec } of services.items)
      this.#services.set(spec.clusterIP, spec.selector?.['job-name'] ?? '')
    for (const pod of items) {
      const running = this.#running.get(pod.metadata.uid)
      if (pod.metadata.deletionTimestamp !== undefined) this.#delete(pod, running)
      else if (pod.spec.nodeName === undefined) await this.#schedule(pod)
      else if (running === undefined) await this.#start(pod)
    }
  }

  /** A grace period as kubelet gives it: k6 has time to write its summary. */
  #delete(pod: PodObject, running: Running | undefined): void {
    if (running?.child !== undefined && !running.hasEnded) {
      if (!running.isTerminated) void running.child.stop(graceMs)
      running.isTerminated = true
    } else void this.#admin('DELETE', pathOf(pod), { gracePeriodSeconds: 0 }).catch(() => undefined)
  }

  async #schedule(pod: PodObject): Promise<void> {
    const { name, namespace } = pod.metadata
    const wanted = Object.entries(pod.spec.nodeSelector ?? {})
    if (wanted.length === 0)
      await this.#admin('POST', `${pathOf(pod)}/binding`, {
        apiVersion: 'v1',
        kind: 'Binding',
        metadata: { name, namespace },
        target: { apiVersion: 'v1', kind: 'Node', name: nodeName },
      })
    else
      await this.#setStatus(pod, {
        phase: 'Pending',
        conditions: [
          {
            type: 'PodScheduled',
            status: 'False',
            reason: 'Unschedulable',
            message: "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector.",
          },
        ],
      })
  }

  async #start(pod: PodObject): Promise<void> {
    const { uid } = pod.metadata
    const [container] = pod.spec.containers
    const running: Running = {
      pod,
      child: undefined,
      port: await freePort(),
      lines: [],
      listeners: new Set(),
      hasEnded: false,
      isTerminated: false,
    }
    this.#running.set(uid, running)
    if (container.image.includes('/missing')) {
      const message = `Back-off pulling image "${container.image}": not found`
      await this.#setContainer(running, 'Pending', { waiting: { reason: 'ImagePullBackOff', message } })
      return
    }
    const mounts = await this.#mount(pod)
    const rewrite = (text: string): string => this.#rewrite(text, running.port, mounts)
    const isBroken = this.broken?.test(jobOf(pod)) === true
    const command = isBroken
      ? ['sh', '-c', 'echo "unknown flag: --execution-requirements" >&2; exit 1']
      : container.command
    const [program = '', ...given] = command.map(rewrite)
    const isRunner = given.includes('--paused') && this.samples !== undefined
    const args = isRunner ? [...given, '--out', `csv=${this.samples}/${jobOf(pod)}.csv`] : given
    const env = { ...(await this.#envOf(pod, container)), PATH: `${this.#programs}:${process.env['PATH']}` }
    running.child = startChild(program, args, {
      cwd: this.#folder,
      env: Object.fromEntries(Object.entries(env).map(([name, value]) => [name, rewrite(value)])),
      onLine: (line) => this.#log(running, line),
    })
    void running.child.ended.then(async (end) => this.#end(running, end))
    await this.#setContainer(running, 'Running', { running: { startedAt: new Date().toISOString() } })
  }

  #log(running: Running, line: string): void {
    const { pod, lines, listeners } = running
    const kept = this.damage === undefined ? line : this.damage(jobOf(pod), line)
    if (kept === undefined) return
    // Nanoseconds, as a container runtime writes them: no two lines have the same.
    const fraction = String(lines.length % 1_000_000).padStart(6, '0')
    lines.push(`${new Date().toISOString().slice(0, -1)}${fraction}Z ${kept}\n`)
    for (const listener of listeners) listener()
  }

  async #end(running: Running, end: ChildEnd): Promise<void> {
    running.hasEnded = true
    for (const listener of running.listeners) listener()
    const code =
      end.state === 'exited' ? end.code : end.state === 'signalled' && end.signal === 'SIGKILL' ? 137 : 143
    const reason = code === 0 ? 'Completed' : 'Error'
    const phase = code === 0 ? 'Succeeded' : 'Failed'
    await this.#setContainer(running, phase, { terminated: { exitCode: code, reason } }).catch(
      () => undefined,
    )
  }

  async #setContainer(running: Running, phase: string, state: object): Promise<void> {
    const [{ name, image }] = running.pod.spec.containers
    const isReady = phase === 'Running'
    await this.#setStatus(running.pod, {
      phase,
      hostIP: '127.0.0.1',
      containerStatuses: [
        { name, image, imageID: '', ready: isReady, restartCount: 0, state, started: isReady },
      ],
    })
  }

  async #setStatus(pod: PodObject, status: object): Promise<void> {
    await this.#admin('PATCH', `${pathOf(pod)}/status`, { status })
  }

  /** Writes the files of the pod's volumes; by mount path, the folder. */
  async #mount(pod: PodObject): Promise<Map<string, string>> {
    const { namespace, uid } = pod.metadata
    const mounts = new Map<string, string>()
    for (const { name, configMap, secret } of pod.spec.volumes ?? []) {
      const folder = join(this.#folder, uid, name)
      await mkdir(folder, { recursive: true })
      const mount = pod.spec.containers[0].volumeMounts?.find((one) => one.name === name)
      if (mount !== undefined) mounts.set(mount.mountPath, folder)
      const files = await this.#filesOf(namespace, configMap?.name, secret)
      for (const [file, base64] of Object.entries(files))
        await writeFile(join(folder, file), Buffer.from(base64, 'base64'))
    }
    return mounts
  }

  async #filesOf(
    namespace: string,
    configMap: string | undefined,
    secret: { secretName: string; items?: { key: string; path: string }[] } | undefined,
  ): Promise<Record<string, string>> {
    const core = `/api/v1/namespaces/${namespace}`
    if (configMap !== undefined)
      return (
        await this.#admin<{ binaryData: Record<string, string> }>('GET', `${core}/configmaps/${configMap}`)
      ).binaryData
    if (secret === undefined) return {}
    const { data } = await this.#admin<{ data: Record<string, string> }>(
      'GET',
      `${core}/secrets/${secret.secretName}`,
    )
    return Object.fromEntries((secret.items ?? []).map(({ key, path }) => [path, data[key] ?? '']))
  }

  async #envOf({ metadata }: PodObject, { env = [] }: Container): Promise<Record<string, string>> {
    const values: Record<string, string> = {}
    for (const { name, value = '', valueFrom } of env) {
      const label = /^metadata\.labels\['(.*)'\]$/.exec(valueFrom?.fieldRef?.fieldPath ?? '')?.[1]
      const ref = valueFrom?.secretKeyRef
      values[name] = label === undefined ? value : (metadata.labels?.[label] ?? '')
      if (ref === undefined) continue
      const path = `/api/v1/namespaces/${metadata.namespace}/secrets/${ref.name}`
      const { data } = await this.#admin<{ data: Record<string, string> }>('GET', path)
      values[name] = Buffer.from(data[ref.key] ?? '', 'base64').toString()
    }
    return values
  }

  /** Paths and addresses of the pod are others here: all pods have this machine's. */
  #rewrite(text: string, port: number, mounts: ReadonlyMap<string, string>): string {
    const mounted = text.replaceAll(/(?<![\w/])\/(?:test|tmp)(?=\/)/g, (path) => mounts.get(path) ?? path)
    return mounted
      .replaceAll('0.0.0.0:6565', `127.0.0.1:${port}`)
      .replaceAll(/http:\/\/(10\.96\.[\d.]+):6565/g, (url, ip: string) => {
        const service = this.#services.get(ip)
        const pod = [...this.#running.values()].find((one) => jobOf(one.pod) === service)
        return pod === undefined ? url : `http://127.0.0.1:${pod.port}`
      })
  }

  #serveLog(incoming: IncomingMessage, outgoing: ServerResponse): void {
    const url = new URL(incoming.url ?? '/', 'https://localhost')
    const [, kind, , name] = url.pathname.split('/')
    const running = [...this.#running.values()].find(({ pod }) => pod.metadata.name === name)
    if (kind !== 'containerLogs' || running === undefined) {
      outgoing.writeHead(404).end()
      return
    }
    const since = url.searchParams.get('sinceTime') ?? ''
    let sent = 0
    const send = (): void => {
      for (const line of running.lines.slice(sent))
        if (line.slice(0, since.length - 1) >= since.slice(0, -1)) outgoing.write(line)
      sent = running.lines.length
      if (running.hasEnded || url.searchParams.get('follow') !== 'true') outgoing.end()
    }
    outgoing.writeHead(200, { 'content-type': 'text/plain' })
    running.listeners.add(send)
    outgoing.on('close', () => running.listeners.delete(send))
    outgoing.flushHeaders()
    send()
  }
}

const jobOf = ({ metadata }: PodObject): string => metadata.labels?.['job-name'] ?? ''
const pathOf = ({ metadata }: PodObject): string =>
  `/api/v1/namespaces/${metadata.namespace}/pods/${metadata.name}`
