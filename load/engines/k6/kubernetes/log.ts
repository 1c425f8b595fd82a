import { setTimeout as delay } from 'node:timers/promises'
import type { KubernetesApi } from '../../../../runtime/kubernetes/index.ts'

/** A pod whose log is read. */
export interface LogSource {
  api: KubernetesApi
  namespace: string
  pod: string
}

const container = 'k6'
const usualRetryMs = 1000

function pathOf({ namespace, pod }: LogSource, query: string): string {
  return `/api/v1/namespaces/${namespace}/pods/${pod}/log?container=${container}&timestamps=true${query}`
}

/**
 * Follows a pod's log from its beginning until the pod is over, each line once. A connection that breaks is
 * opened again where it ended: the API server closes one after some time, and the node may be away for a
 * moment.
 *
 * @param isOver whether the pod has ended, so that nothing more can come
 */
export async function followLog(
  source: LogSource,
  onLine: (line: string) => void,
  isOver: () => boolean,
  signal: AbortSignal,
  retryMs = usualRetryMs,
): Promise<void> {
  let last = ''
  const receive = (line: string): void => {
    const [time, text] = splitTime(line)
    if (time <= last) return
    last = time
    onLine(text)
  }
  while (!signal.aborted) {
    const wasOver = isOver()
    // The server takes whole seconds: what came before in that second comes again.
    const since = last === '' ? '' : `&sinceTime=${last.slice(0, 19)}Z`
    await source.api.follow(pathOf(source, `&follow=true${since}`), receive, signal)
    if (wasOver) return
    await delay(retryMs, undefined, { signal }).catch(() => undefined)
  }
}

/** Reads a pod's log as it is stored: what a broken connection has lost may still be there. */
export async function readLog(
  source: LogSource,
  onLine: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  await source.api.follow(pathOf(source, ''), (line) => onLine(splitTime(line)[1]), signal)
}

/** RFC 3339 with nanoseconds, without trailing zeros; made comparable as text. */
const timePattern = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z (.*)$/

function splitTime(line: string): [time: string, text: string] {
  const [, second, fraction = '', text] = timePattern.exec(line) ?? []
  // A line without a time is the API server's own: it is not dropped.
  return second === undefined || text === undefined
    ? ['9999', line]
    : [`${second}.${fraction.padEnd(9, '0')}`, text]
}
