import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { isUnprintable } from '../../record/index.ts'

/** The channels on which a notification reaches a person. */
export type Via = 'pagerduty' | 'slack' | 'email' | 'sms'

/** How the receiver responded. `invalid` gives the reason, in the words of the service's own protocol. */
export type ReceiverResponse = { state: 'ok' } | { state: 'invalid'; status: number; reason: string }

/** One notification as a receiver saw it, whether it accepted it or not. */
export interface Delivery {
  via: Via
  /**
   * The name of a PagerDuty service or a Slack channel, an email address, a telephone number or an SNS topic.
   * `?` when the notification names no known one.
   */
  address: string
  /** Wall clock. */
  atMs: number
  /** Whether the notification says that the alert is firing, or that it is resolved. */
  status: 'firing' | 'resolved'
  /** What a person reads first: a subject, a title, a summary. */
  title: string
  /** The content of the notification as one text. */
  text: string
  /** PagerDuty's key of the incident. */
  dedupKey?: string
  response: ReceiverResponse
}

/** A delivery before the receivers add the time. */
export type NewDelivery = Omit<Delivery, 'atMs'>

/** What a receiver replies over HTTP, and the delivery that it records. */
export interface Handled {
  reply: HttpReply
  delivery: NewDelivery
}

/** A notification that a receiver rejected. The title is empty because no one would have read it. */
export function rejected(
  via: Via,
  address: string,
  text: string,
  { status, reason }: { status: number; reason: string },
): NewDelivery {
  return {
    via,
    address,
    status: 'firing',
    title: '',
    text: printable(text, 20_000),
    response: { state: 'invalid', status, reason },
  }
}

/** Bounded, with control characters replaced: the text ends up in terminals and reports. Line breaks stay. */
export function printable(text: string, maxCharacters: number): string {
  const plain = [...text.toWellFormed()].map((character) =>
    isUnprintable(character) && character !== '\n' ? ' ' : character,
  )
  return plain.slice(0, maxCharacters).join('')
}

/** Alertmanager's templates, its own and ours, mark a resolved alert by RESOLVED in capitals in the title. */
export function statusFromTitle(title: string): Delivery['status'] {
  return /(?<!\p{L})RESOLVED(?!\p{L})/u.test(title) ? 'resolved' : 'firing'
}

/** The alerts that a notification names, in the order of its title, or of its text if the title has none. */
export function findNamedAlerts(
  { title, text }: Pick<Delivery, 'title' | 'text'>,
  alerts: readonly string[],
): string[] {
  const known = new Set(alerts)
  const namedIn = (content: string): string[] => [
    ...new Set(content.match(/[\p{L}\p{N}_]+/gu)?.filter((word) => known.has(word))),
  ]
  const inTitle = namedIn(title)
  return inTitle.length > 0 ? inTitle : namedIn(text)
}

/** The JSON value of a text; undefined when it is not JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** A request with its complete body. */
export interface HttpRequest {
  method: string
  /** As sent, with its query. */
  path: string
  headers: IncomingMessage['headers']
  body: string
}

export interface HttpReply {
  status: number
  type: string
  body: string
}

export interface HttpService {
  /** Without a trailing slash. */
  url: string
  stop: () => Promise<void>
}

const maxBodyBytes = 1024 * 1024

/**
 * Starts a small HTTP service on the loopback address: one reply to each complete request. Port 0 means any
 * free port.
 * It rejects larger bodies with 413.
 */
export async function startHttpService(
  reply: (request: HttpRequest) => HttpReply,
  port = 0,
): Promise<HttpService> {
  const server = createServer((request, response) => {
    void serve(request, response, reply)
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('a listening server has a port')
  return {
    url: `http://127.0.0.1:${address.port}`,
    stop: async () => {
      server.closeAllConnections()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  reply: (request: HttpRequest) => HttpReply,
): Promise<void> {
  const body = await readBody(request)
  if (body === undefined) send(response, { status: 413, type: 'text/plain', body: 'too large' })
  else
    send(
      response,
      reply({ method: request.method ?? 'GET', path: request.url ?? '/', headers: request.headers, body }),
    )
}

async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = []
  let bytes = 0
  try {
    for await (const chunk of request) {
      if (!Buffer.isBuffer(chunk)) continue
      bytes += chunk.length
      if (bytes > maxBodyBytes) return undefined
      chunks.push(chunk)
    }
  } catch {
    // The client disconnected before the end of the body: judge the part that arrived.
  }
  return Buffer.concat(chunks).toString('utf8')
}

function send(response: ServerResponse, { status, type, body }: HttpReply): void {
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body) }).end(body)
}
