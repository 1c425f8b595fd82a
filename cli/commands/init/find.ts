import type { Send } from '../../../journeys/client/index.ts'
import { sendRequest } from '../../../journeys/client/index.ts'
import { parseExposition, requestMetrics, serviceMetrics, sumOf } from '../../../runtime/target/index.ts'
import type { DraftJourney } from './draft.ts'
import { Template } from './draft.ts'
import { findVersionProblem, parseStructured } from './openapi.ts'

/** Ports that frameworks use by default. */
export const commonPorts = [3000, 8080, 8000, 5000, 4000, 8081, 3001, 4200, 5173, 8888, 9000, 1337, 80]

const findTimeoutMs = 1000

/** URLs of this machine that answer HTTP. */
export async function findServices(ports: readonly number[], signal: AbortSignal): Promise<string[]> {
  const found = await Promise.all(
    ports.map(async (port) => {
      const url = `http://127.0.0.1${port === 80 ? '' : `:${port}`}`
      const request = { method: 'GET', path: '/', headers: {}, body: undefined }
      const limits = {
        timeoutMs: findTimeoutMs,
        maxBodyBytes: 2 ** 20,
        purpose: 'init',
        signal,
        headersOnly: true,
      }
      return (await sendRequest(url, request, limits)).state === 'ok' ? [url] : []
    }),
  )
  return found.flat()
}

/** Whether a URL leads to this machine. A name is not resolved: what it means can change. */
export function isLoopback(url: string): boolean {
  const { hostname } = new URL(url)
  return /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$|\.localhost$/.test(hostname)
}

const documentPaths = [
  '/openapi.json',
  '/openapi.yaml',
  '/docs/openapi.json',
  '/api/openapi.json',
  '/v3/api-docs',
  '/api-docs',
  '/api-docs.json',
  '/swagger.json',
  '/swagger/v1/swagger.json',
  '/spec.json',
]

export async function get(send: Send, path: string): Promise<{ status: number; text: string } | undefined> {
  const sent = await send({ method: 'GET', path, headers: {}, body: undefined })
  return sent.state === 'ok' ? sent.response : undefined
}

/** The service's own OpenAPI document, with its path; or the problem of one that cannot be used. */
export async function findDocument(
  send: Send,
): Promise<{ path: string; value: unknown } | { path: string; problem: string } | undefined> {
  let unusable: { path: string; problem: string } | undefined
  for (const path of documentPaths) {
    const answer = await get(send, path)
    if (
      answer?.status !== 200 ||
      !/^\s*[{"]?(?:[\s\S]{0,2000}?)\b(?:openapi|swagger)"?\s*:/.test(answer.text)
    )
      continue
    try {
      const value = parseStructured(answer.text, path)
      const problem = findVersionProblem(value)
      if (problem === undefined) return { path, value }
      unusable ??= { path, problem }
    } catch {
      // A page that mentions OpenAPI.
    }
  }
  return unusable
}

const healthPaths = ['/health', '/healthz', '/livez', '/readyz', '/ready', '/status', '/ping']

/** What can be said of a service without a document: whether its root and a usual health path answer. */
export async function findPages(send: Send, unique: string): Promise<DraftJourney[]> {
  const unknown = await get(send, `/vigil-${unique}`)
  // A single-page application answers every path alike.
  const answersAll = unknown !== undefined && unknown.status >= 200 && unknown.status < 300
  const journeys: DraftJourney[] = []
  for (const path of answersAll ? ['/'] : ['/', ...healthPaths]) {
    const answer = await get(send, path)
    if (answer === undefined || answer.status < 200 || answer.status >= 300) continue
    const name = path === '/' ? 'home' : 'health'
    if (journeys.some((journey) => journey.name === name)) continue
    const step = { method: 'GET', path: new Template([{ text: path }]), headers: {}, saves: {} }
    journeys.push({
      name,
      steps: [{ ...step, name: 'get', status: answer.status }],
      candidates: [],
      leavesData: false,
    })
  }
  return journeys
}

/** The path that shows whether the service can be used: a health path, else any of its journeys' pages. */
export function findReadyPath(journeys: readonly DraftJourney[]): string | undefined {
  const pages = journeys.flatMap(({ steps }) =>
    steps.flatMap(({ method, path, headers }) => {
      const isPlain = method === 'GET' && Object.keys(headers).length === 0
      const text = path.parts.map((part) => ('text' in part ? part.text : '{'))
      return isPlain && !text.includes('{') ? [text.join('')] : []
    }),
  )
  return pages.find((path) => /health|ready|live|ping|status/i.test(path)) ?? pages[0]
}

/** `/metrics`, if the service exports the standard metrics of its process there. */
export async function findMetricsPath(url: string, signal: AbortSignal): Promise<string | undefined> {
  const answer = await requestMetrics(
    { url, path: '/metrics', token: undefined },
    { timeoutMs: 2000, signal },
  )
  if (answer.state !== 'ok') return undefined
  return sumOf(parseExposition(answer.text ?? ''), serviceMetrics.cpuSeconds) === undefined
    ? undefined
    : '/metrics'
}
