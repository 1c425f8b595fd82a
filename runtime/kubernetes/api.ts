import { request } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { z } from 'zod'
import { toOneLine } from '../../record/index.ts'

/** An answer of the API server. `refused`: it answered, and did not do it. */
export type ApiAnswer =
  | { state: 'ok'; value: unknown }
  | { state: 'refused'; status: number; reason: string; message: string; kind: string | undefined }
  | { state: 'unavailable'; reason: string }

/** What is used of a Kubernetes API server. Never rejects. */
export interface KubernetesApi {
  call: (method: 'GET' | 'POST' | 'DELETE', path: string, body?: unknown) => Promise<ApiAnswer>
  /** Calls `onLine` for each line of an answer as it comes, until its end. */
  follow: (path: string, onLine: (line: string) => void, signal: AbortSignal) => Promise<ApiAnswer>
}

/** As the API server explains a refusal. */
const statusSchema = z.looseObject({
  kind: z.literal('Status'),
  message: z.string().default(''),
  reason: z.string().default(''),
  details: z.looseObject({ kind: z.string().optional() }).optional(),
})

const callTimeoutMs = 20_000
/** A list of a hundred pods has 1 MB. */
const maxAnswerBytes = 32 * 1024 * 1024
/** Longer lines of a log are cut: none of ours is. */
const maxLineLength = 64 * 1024
const messageLength = 500

/** An API server behind the socket of `kubectl proxy`, which signs in. */
export function apiBehind(socketPath: string): KubernetesApi {
  return {
    call: async (method, path, body) => {
      let text = ''
      const opened = await open(socketPath, method, path, body, AbortSignal.timeout(callTimeoutMs))
      if (opened.state === 'unavailable') return opened
      const ended = await read(opened.response, (chunk) => {
        text += chunk
        return text.length <= maxAnswerBytes
      })
      return ended ?? toAnswer(opened.response.statusCode ?? 0, text)
    },
    follow: async (path, onLine, signal) => {
      const opened = await open(socketPath, 'GET', path, undefined, signal)
      if (opened.state === 'unavailable') return opened
      const status = opened.response.statusCode ?? 0
      const lines = splitLines(onLine)
      let text = ''
      const ended = await read(opened.response, (chunk) => {
        if (status === 200) lines.add(chunk)
        else text = (text + chunk).slice(0, maxLineLength)
        return true
      })
      if (status === 200) lines.end()
      return ended ?? (status === 200 ? { state: 'ok', value: undefined } : toAnswer(status, text))
    },
  }
}

async function open(
  socketPath: string,
  method: string,
  path: string,
  body: unknown,
  signal: AbortSignal,
): Promise<{ state: 'ok'; response: IncomingMessage } | { state: 'unavailable'; reason: string }> {
  const { promise, resolve } = Promise.withResolvers<
    { state: 'ok'; response: IncomingMessage } | { state: 'unavailable'; reason: string }
  >()
  const text = body === undefined ? '' : JSON.stringify(body)
  const headers = {
    // kubectl's proxy answers this name only: no page in a browser can reach it.
    host: 'localhost',
    accept: 'application/json',
    'content-type': 'application/json',
    // Node sends the body of a DELETE without a length by itself, and the next request begins in it.
    'content-length': Buffer.byteLength(text),
  }
  const sent = request({ socketPath, method, path, headers, signal }, (response) =>
    resolve({ state: 'ok', response }),
  )
  sent.on('error', (error) => resolve({ state: 'unavailable', reason: describe(error, signal) }))
  sent.end(text)
  return promise
}

/** @returns why it was not read to its end, or undefined */
async function read(
  response: IncomingMessage,
  onChunk: (chunk: string) => boolean,
): Promise<Extract<ApiAnswer, { state: 'unavailable' }> | undefined> {
  response.setEncoding('utf8')
  try {
    for await (const chunk of response)
      if (!onChunk(String(chunk)))
        return { state: 'unavailable', reason: `the answer has more than ${maxAnswerBytes} bytes` }
    return undefined
  } catch (error) {
    return { state: 'unavailable', reason: describe(error) }
  }
}

function describe(error: unknown, signal?: AbortSignal): string {
  if (
    signal?.aborted === true &&
    signal.reason instanceof DOMException &&
    signal.reason.name === 'TimeoutError'
  )
    return `no answer within ${callTimeoutMs / 1000} s`
  return toOneLine(error instanceof Error ? error.message : String(error), messageLength)
}

function splitLines(onLine: (line: string) => void): { add: (chunk: string) => void; end: () => void } {
  let rest = ''
  return {
    add: (chunk) => {
      const lines = (rest + chunk).split('\n')
      rest = (lines.pop() ?? '').slice(0, maxLineLength)
      for (const line of lines) onLine(line)
    },
    end: () => {
      if (rest !== '') onLine(rest)
    },
  }
}

function toAnswer(status: number, text: string): ApiAnswer {
  let value: unknown
  try {
    value = text === '' ? undefined : JSON.parse(text)
  } catch {
    value = undefined
  }
  if (status >= 200 && status < 300) return { state: 'ok', value }
  const explained = statusSchema.safeParse(value).data
  // The proxy's own words, when the API server cannot be reached.
  if (explained === undefined && status >= 500)
    return { state: 'unavailable', reason: toOneLine(text, messageLength) || `status ${status}` }
  return {
    state: 'refused',
    status,
    reason: explained?.reason ?? '',
    message: toOneLine(explained?.message ?? text, messageLength) || `status ${status}`,
    kind: explained?.details?.kind,
  }
}
