import type { Redact } from './redact.ts'
import { readZip, writeZip } from './zip.ts'
import type { ZipEntry } from './zip.ts'

type Event = Record<string, unknown>

/** What is kept of a trace: the archive for Playwright's viewer, and what the pages wrote to their consoles. */
export interface KeptTrace {
  archive: Buffer
  /** A line each: `error: text`. */
  console: string[]
}

/**
 * Playwright's traces hold headers, bodies and whatever was typed, in clear. Kept is what is known to be harmless and of
 * use: which action when, from which line of the spec, with which error; what was on the console; the pictures. Not kept:
 * requests, arguments and results of actions, logs of the protocol, attachments.
 */
export function keptTrace(archive: Buffer, redact: Redact): KeptTrace {
  const console: string[] = []
  const entries = readZip(archive).flatMap(({ name, bytes }): ZipEntry[] => {
    if (name.endsWith('.jpeg') || name.endsWith('.stacks')) return [{ name, bytes }]
    // Empty, for the viewer expects it.
    if (name.endsWith('.network')) return [{ name, bytes: Buffer.alloc(0) }]
    if (!name.endsWith('.trace')) return []
    const events = bytes
      .toString('utf8')
      .split('\n')
      .flatMap((line) => keptEvent(line, redact))
    console.push(
      ...events.flatMap((event) =>
        event['type'] === 'console' ? [`${String(event['messageType'])}: ${String(event['text'])}`] : [],
      ),
    )
    return [{ name, bytes: Buffer.from(events.map((event) => `${JSON.stringify(event)}\n`).join('')) }]
  })
  return { archive: writeZip(entries), console }
}

const always = [
  'type',
  'version',
  'callId',
  'parentId',
  'startTime',
  'endTime',
  'time',
  'class',
  'method',
  'pageId',
  'group',
] as const
const alsoOf: Readonly<Record<string, readonly string[]>> = {
  'context-options': [
    'origin',
    'browserName',
    'playwrightVersion',
    'platform',
    'wallTime',
    'monotonicTime',
    'sdkLanguage',
    'testIdAttributeName',
    'testTimeout',
    'title',
  ],
  before: ['title', 'stack'],
  after: [],
  error: ['message', 'stack'],
  console: ['messageType', 'text', 'location'],
  'screencast-frame': ['file', 'width', 'height', 'timestamp', 'frameSwapWallTime'],
  input: ['box', 'point'],
}

function keptEvent(line: string, redact: Redact): Event[] {
  const event: unknown = line === '' ? undefined : JSON.parse(line)
  if (!isObject(event) || typeof event['type'] !== 'string') return []
  const also = alsoOf[event['type']]
  if (!also) return []
  const kept = Object.fromEntries(
    [...always, ...also].flatMap((key) =>
      event[key] === undefined ? [] : [[key, redacted(event[key], redact)]],
    ),
  )
  switch (event['type']) {
    case 'before':
      // What was typed stands in the title, in quotes.
      return [
        {
          ...kept,
          params: keptParams(event['params'], redact),
          ...(typeof kept['title'] === 'string' &&
            event['method'] === 'pw:api' && { title: kept['title'].replaceAll(/"[^"]*"?/g, '"…"') }),
        },
      ]
    case 'context-options':
      return [{ ...kept, options: {} }]
    case 'after':
      return [
        {
          ...kept,
          ...keptResult(event['result']),
          ...(isObject(event['error']) && { error: { message: redact(String(event['error']['message'])) } }),
        },
      ]
    default:
      return [kept]
  }
}

// Which request it was, and how it was answered: but for what it carried.
function keptParams(params: unknown, redact: Redact): Event {
  if (!isObject(params)) return {}
  return Object.fromEntries(
    ['url', 'method'].flatMap((key) => (typeof params[key] === 'string' ? [[key, redact(params[key])]] : [])),
  )
}

function keptResult(result: unknown): Event {
  const response = isObject(result) ? result['response'] : undefined
  return isObject(response) && typeof response['status'] === 'number'
    ? { result: { response: { status: response['status'], headers: [] } } }
    : {}
}

function redacted(value: unknown, redact: Redact): unknown {
  if (typeof value === 'string') return redact(value)
  if (Array.isArray(value)) return value.map((item: unknown) => redacted(item, redact))
  return isObject(value)
    ? Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, redacted(inner, redact)]))
    : value
}

function isObject(value: unknown): value is Event {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
