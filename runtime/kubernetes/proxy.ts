import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { toOneLine } from '../../record/index.ts'
import { describeEnd, readOutput, startChild } from '../processes/index.ts'
import { apiBehind } from './api.ts'
import type { KubernetesApi } from './api.ts'

export interface Connection {
  api: KubernetesApi
  close: () => Promise<void>
}

export interface KubectlOptions {
  /** Path of kubectl. */
  kubectl: string
  /** Of its config, by name: the current one is never taken. */
  context: string
  /** kubectl's whole environment: its config is found by it, and its sign-in plugins run in it. */
  env: NodeJS.ProcessEnv
  signal: AbortSignal
  /** Regular expressions of the paths that may be asked for. */
  paths: readonly string[]
}

const startTimeoutMs = 20_000

/** The names of the contexts in kubectl's config. */
export async function listContexts({
  kubectl,
  env,
  signal,
}: Pick<KubectlOptions, 'kubectl' | 'env' | 'signal'>): Promise<
  { state: 'ok'; names: string[] } | { state: 'failed'; reason: string }
> {
  try {
    const args = ['config', 'get-contexts', '--output', 'name']
    const output = await readOutput(kubectl, args, { env, signal, timeoutMs: startTimeoutMs })
    return { state: 'ok', names: output.split('\n').filter((name) => name !== '') }
  } catch (error) {
    return { state: 'failed', reason: toOneLine(error instanceof Error ? error.message : String(error)) }
  }
}

/**
 * Connects to the API server of a context by `kubectl proxy`: kubectl knows every way to sign in. It listens
 * on a socket in a folder of this user alone, where a port would be open to everyone on this machine, and
 * passes on only `paths`.
 */
export async function connect({
  kubectl,
  context,
  env,
  signal,
  paths,
}: KubectlOptions): Promise<({ state: 'ok' } & Connection) | { state: 'unavailable'; reason: string }> {
  // A socket's path has at most 107 bytes, so it is not in the folder of the run.
  const folder = await mkdtemp(join(tmpdir(), 'vigil-kubectl-'))
  const socket = join(folder, 'api')
  const serving = Promise.withResolvers<'serving'>()
  const args = ['proxy', '--context', context, `--unix-socket=${socket}`, `--accept-paths=${paths.join(',')}`]
  const child = startChild(kubectl, args, {
    cwd: folder,
    env,
    onLine: (line) => {
      if (line.startsWith('Starting to serve')) serving.resolve('serving')
    },
  })
  const close = async (): Promise<void> => {
    await child.stop(1000)
    await rm(folder, { recursive: true, force: true })
  }
  const timer = setTimeout(() => child.signal('SIGKILL'), startTimeoutMs)
  const interrupt = (): void => child.signal('SIGKILL')
  signal.addEventListener('abort', interrupt, { once: true })
  const first = await Promise.race([serving.promise, child.ended])
  clearTimeout(timer)
  signal.removeEventListener('abort', interrupt)
  if (first === 'serving') return { state: 'ok', api: apiBehind(socket), close }
  await close()
  const said = toOneLine(child.tail('stderr').replace(/^error: /, ''))
  return {
    state: 'unavailable',
    reason: `kubectl proxy ${describeEnd(first)}${said === '' ? '' : `: ${said}`}`,
  }
}
