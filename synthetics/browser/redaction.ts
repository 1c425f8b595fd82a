import { unzipSync, zipSync } from 'fflate'
import { createRedactor as createTextRedactor, findSecrets } from '../../journeys/index.ts'
import type { Redact } from '../../journeys/index.ts'

/** Creates a redactor that knows the values of an environment's secrets, and further ones. */
export function createRedactor(env: NodeJS.ProcessEnv, values: readonly string[] = []): Redact {
  return createTextRedactor([...findSecrets(env), ...values])
}

type Event = Record<string, unknown>

/** A trace without secrets: the archive for Playwright's viewer, and the console output of the pages. */
export interface RedactedTrace {
  archive: Buffer
  /** One line for each message: `error: text`. */
  console: string[]
}

/**
 * Playwright's traces contain headers, bodies and typed text in clear. This keeps only what is harmless and
 * useful: each action with its time, its line in the spec and its error; the console; the pictures. It drops
 * requests, arguments and results of actions, protocol logs and attachments.
 */
export function redactTrace(archive: Buffer, redact: Redact): RedactedTrace {
  const console: string[] = []
  const entries = readZip(archive).flatMap(({ name, bytes }): ZipEntry[] => {
    if (name.endsWith('.jpeg') || name.endsWith('.stacks')) return [{ name, bytes }]
    // Empty, because the viewer expects it.
    if (name.endsWith('.network')) return [{ name, bytes: Buffer.alloc(0) }]
    if (!name.endsWith('.trace')) return []
    const events = bytes
      .toString('utf8')
      .split('\n')
      .flatMap((line) => redactEvent(line, redact))
    console.push(
      ...events.flatMap((event) =>
        event['type'] === 'console' ? [`${String(event['messageType'])}: ${String(event['text'])}`] : [],
      ),
    )
    return [{ name, bytes: Buffer.from(events.map((event) => `${JSON.stringify(event)}\n`).join('')) }]
  })
  return { archive: writeZip(entries), console }
}

const commonKeys = [
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
const keysByType: Readonly<Record<string, readonly string[]>> = {
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

function redactEvent(line: string, redact: Redact): Event[] {
  const event: unknown = line === '' ? undefined : JSON.parse(line)
  if (!isObject(event) || typeof event['type'] !== 'string') return []
  const keys = keysByType[event['type']]
  if (!keys) return []
  const kept = Object.fromEntries(
    [...commonKeys, ...keys].flatMap((key) =>
      event[key] === undefined ? [] : [[key, redactValue(event[key], redact)]],
    ),
  )
  switch (event['type']) {
    case 'before':
      // The title contains the typed text in quotes.
      return [
        {
          ...kept,
          params: pickParams(event['params'], redact),
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
          ...pickResult(event['result']),
          ...(isObject(event['error']) && { error: { message: redact(String(event['error']['message'])) } }),
        },
      ]
    default:
      return [kept]
  }
}

// The request without its content.
function pickParams(params: unknown, redact: Redact): Event {
  if (!isObject(params)) return {}
  return Object.fromEntries(
    ['url', 'method'].flatMap((key) => (typeof params[key] === 'string' ? [[key, redact(params[key])]] : [])),
  )
}

function pickResult(result: unknown): Event {
  const response = isObject(result) ? result['response'] : undefined
  return isObject(response) && typeof response['status'] === 'number'
    ? { result: { response: { status: response['status'], headers: [] } } }
    : {}
}

function redactValue(value: unknown, redact: Redact): unknown {
  if (typeof value === 'string') return redact(value)
  if (Array.isArray(value)) return value.map((item: unknown) => redactValue(item, redact))
  return isObject(value)
    ? Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, redactValue(inner, redact)]))
    : value
}

function isObject(value: unknown): value is Event {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export interface ZipEntry {
  name: string
  bytes: Buffer
}

/** A trace has a few megabytes. An archive that claims more is not unpacked. */
const maxBytes = 256 * 1024 * 1024
/** As many as a ZIP archive can have without the ZIP64 extension. */
const maxEntries = 65_535
/** Deflate compresses by at most 1032:1. An entry that claims more is damaged or hostile. */
const maxRatio = 1032

/**
 * Reads a ZIP archive. The bytes of an entry never exceed the size that its header claims.
 *
 * @throws Error if it is not a ZIP archive, or exceeds a limit
 */
export function readZip(archive: Buffer): ZipEntry[] {
  let totalBytes = 0
  let entries = 0
  if (archive.length > maxBytes) throw new Error(`ZIP archive: expected at most ${maxBytes} bytes`)
  const files = unzipSync(archive, {
    filter: ({ name, size, originalSize }) => {
      entries += 1
      totalBytes += Math.max(size, originalSize)
      if (entries > maxEntries) throw new Error(`ZIP archive: expected at most ${maxEntries} entries`)
      if (totalBytes > maxBytes) throw new Error(`ZIP archive: expected at most ${maxBytes} bytes`)
      if (originalSize > size * maxRatio) throw new Error('ZIP archive: an entry has an impossible ratio')
      if (name === '') throw new Error('ZIP archive: an entry has no name')
      return true
    },
  })
  return Object.entries(files).map(([name, bytes]) => ({
    name,
    bytes: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength),
  }))
}

/** Writes a ZIP archive. The same entries always give the same bytes. */
export function writeZip(entries: readonly ZipEntry[]): Buffer {
  // The earliest date that the format can represent.
  const mtime = new Date(1980, 0, 1)
  return Buffer.from(zipSync(Object.fromEntries(entries.map(({ name, bytes }) => [name, bytes])), { mtime }))
}
