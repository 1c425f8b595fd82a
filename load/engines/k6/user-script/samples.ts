import { createNameFitter } from '../../../../record/index.ts'
import type { TimelinePoint } from '../../../../record/index.ts'
import type { LoadProgress } from '../../../engine.ts'
import { Latencies } from '../../../latencies.ts'

/* Reads the samples of k6's JSON output, and sorts them by step and second in bounded memory. */

/** One sample of k6's JSON output, as far as it is read here. */
export interface Sample {
  metric: SampledMetric
  /** Wall time of the sample, in milliseconds. */
  atMs: number
  value: number
  /** Its virtual user; empty when it has none. */
  user: string
  tags: Record<string, string>
}

const readMetrics = [
  'http_req_duration',
  'http_req_blocked',
  'http_req_connecting',
  'checks',
  'dropped_iterations',
  'iteration_duration',
  'vus_max',
] as const
export type SampledMetric = (typeof readMetrics)[number]

/**
 * k6 writes several samples a request, most of which are not read: only lines with these beginnings are
 * parsed.
 */
const linePrefixes = readMetrics.map((metric) => [metric, `{"metric":"${metric}","type":"Point"`] as const)

/** Reads a line of k6's output; undefined for another metric, and for output of the script itself. */
export function readSample(line: string): Sample | undefined {
  const metric = linePrefixes.find(([, prefix]) => line.startsWith(prefix))?.[0]
  if (metric === undefined) return undefined
  // They follow the duration of the same request, whose tags are theirs too.
  if (metric === 'http_req_blocked' || metric === 'http_req_connecting') return readValue(metric, line)
  const data = readData(line)
  if (!isObject(data) || typeof data['value'] !== 'number' || typeof data['time'] !== 'string')
    return undefined
  const atMs = Date.parse(data['time'])
  if (Number.isNaN(atMs)) return undefined
  return {
    metric,
    atMs,
    value: data['value'],
    user: selectTexts(data['metadata'])['vu'] ?? '',
    tags: selectTexts(data['tags']),
  }
}

// Without parsing: there are two for each request.
function readValue(metric: SampledMetric, line: string): Sample | undefined {
  const value = /"value":([\d.e+-]+)/.exec(line)?.[1]
  return value === undefined ? undefined : { metric, atMs: 0, value: Number(value), user: '', tags: {} }
}

function readData(line: string): unknown {
  try {
    const envelope: unknown = JSON.parse(line)
    return isObject(envelope) ? envelope['data'] : undefined
  } catch {
    return undefined
  }
}

function selectTexts(value: unknown): Record<string, string> {
  if (!isObject(value)) return {}
  return Object.fromEntries(
    Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  )
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

const maxSteps = 50
const maxNameLength = 60
const prefix = 'script/'
const other = `${prefix}other`

/**
 * Creates the function that names the steps of a user's script: `script/<group>.<name>`. The name is the
 * request's `name` tag, else the URL's path without its query. Path segments that look like ids are replaced,
 * since each would be a step of its own. Different names are different steps, whatever their characters.
 * After the first fifty steps, all further ones are `script/other`.
 */
export function createStepNamer(): (tags: Record<string, string>) => string {
  const known = new Map<string, string>()
  const fit = createNameFitter(maxNameLength)
  const steps = new Set<string>()
  const addStep = (tags: Record<string, string>): string => {
    const step = `${prefix}${fit(toTexts(tags))}`
    if (steps.has(step)) return step
    if (steps.size >= maxSteps) return other
    steps.add(step)
    return step
  }
  return (tags) => {
    const { group, method, name, url } = tags
    const key = [group, method, name, name === undefined ? url : ''].join('\0')
    const step = known.get(key) ?? addStep(tags)
    // There can be as many URLs with ids as requests, so the number of remembered names is bounded too.
    if (known.size < maxSteps * 20) known.set(key, step)
    return step
  }
}

function toTexts(tags: Record<string, string>): string[] {
  const { group = '', name = '', url = '', method = '' } = tags
  // k6 sets both tags to the given name, or to the URL where there is none.
  const request = isUrl(name) ? `${method} ${toPath(name)}` : name || `${method} ${toPath(url)}`
  return [...group.split('::').filter((part) => part !== ''), request]
}

function isUrl(name: string): boolean {
  return /^https?:\/\//.test(name)
}

function toPath(url: string): string {
  if (!URL.canParse(url)) return ''
  return new URL(url).pathname
    .split('/')
    .map(decode)
    .map((part) => (looksLikeId(part) ? 'id' : part))
    .join('/')
}

// Letters of other scripts are encoded in a URL.
function decode(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

// Numbers, UUIDs, hashes and tokens: only digits, or long with digits in it.
function looksLikeId(part: string): boolean {
  return (
    /^\d+$/.test(part) ||
    (/\d/.test(part) && /^[\w%.~-]{16,}$/.test(part)) ||
    /^[\da-f]{8}-[\da-f-]{27}$/i.test(part)
  )
}

/** One second of a script's run. */
export class ScriptSecond {
  requests = 0
  errors = 0
  /**
   * Created by the first latency: each takes memory, and a clock that is set forward makes thousands of empty
   * seconds.
   */
  #latencies: Latencies | undefined
  #percentiles: ReturnType<Latencies['percentiles']> = {}
  #isClosed = false

  addLatency(ms: number): void {
    if (this.#isClosed) return
    this.#latencies ??= new Latencies()
    this.#latencies.add(ms)
  }

  get percentiles(): ReturnType<Latencies['percentiles']> {
    return this.#latencies?.percentiles() ?? this.#percentiles
  }

  /** Keeps the percentiles only. */
  close(): void {
    this.#percentiles = this.percentiles
    this.#latencies = undefined
    this.#isClosed = true
  }
}

export interface ScriptSeconds {
  /** The second that a time belongs to, in milliseconds since the first sample. */
  at: (sinceMs: number) => ScriptSecond
  timeline: () => TimelinePoint[]
  /** Figures of the last complete second. */
  lastSecond: () => Pick<LoadProgress, 'requestsPerSecond' | 'p95Ms'>
}

/** Samples come up to a flush late, so a second is complete when this many later ones have begun. */
const openSeconds = 3
/**
 * Limits the memory when the clock is set forward during a run: all further samples count for the last
 * second.
 */
const maxSeconds = 24 * 3600

export function createScriptSeconds(): ScriptSeconds {
  const seconds: ScriptSecond[] = []
  const at = (sinceMs: number): ScriptSecond => {
    const index = Math.min(maxSeconds - 1, Math.max(0, Math.floor(sinceMs / 1000)))
    while (seconds.length <= index) {
      seconds.push(new ScriptSecond())
      seconds[seconds.length - 1 - openSeconds]?.close()
    }
    return seconds[index] ?? new ScriptSecond()
  }
  return {
    at,
    timeline: () =>
      seconds.map(({ requests, errors, percentiles }, index) => ({
        atMs: index * 1000,
        requests,
        errors,
        ...percentiles,
      })),
    lastSecond: () => {
      const complete = seconds.at(-2)
      return { requestsPerSecond: complete?.requests ?? 0, p95Ms: complete?.percentiles.p95Ms }
    },
  }
}
