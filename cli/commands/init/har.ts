import { z } from 'zod'
import { describeFirstIssue } from '../../../record/documents/index.ts'
import { findSecrets, startContext } from '../../../journeys/index.ts'
import { UsageError } from '../../shared/world.ts'
import { dropUnusedSaves, findNeeded, formType, isWrite, pick, Template } from './draft.ts'
import type { DraftJourney, DraftStep, FormValue, Part } from './draft.ts'
import { sendDraft } from './explore.ts'
import type { Exploration } from './explore.ts'
import { toIdentifier, toName } from './names.ts'
import { parseStructured } from './openapi.ts'

const headerSchema = z.looseObject({ name: z.string(), value: z.string() })
const entrySchema = z.looseObject({
  request: z.looseObject({
    method: z.string(),
    url: z.string(),
    headers: z.array(headerSchema).optional(),
    postData: z.looseObject({ mimeType: z.string().optional(), text: z.string().optional() }).optional(),
  }),
  response: z.looseObject({
    status: z.number(),
    content: z.looseObject({
      mimeType: z.string().optional(),
      text: z.string().optional(),
      encoding: z.string().optional(),
    }),
  }),
})
type Entry = z.infer<typeof entrySchema>
const harSchema = z.looseObject({ log: z.looseObject({ entries: z.array(entrySchema) }) })

export interface Recording {
  /** Scheme, host and port that most of the requests went to. */
  origin: string
  entries: Entry[]
}

/** The requests of a HAR file to the origin that it is about, without pictures, styles and scripts. */
export function readRecording(text: string, source: string): Recording {
  const parsed = harSchema.safeParse(parseStructured(text, source))
  if (!parsed.success)
    throw new UsageError(`${source}: expected a HAR file: ${describeFirstIssue(parsed.error)}`)
  const entries = parsed.data.log.entries.filter(
    ({ request, response }) =>
      /^https?:/.test(request.url) && URL.canParse(request.url) && !isAsset(response.content.mimeType ?? ''),
  )
  const counts = new Map<string, number>()
  for (const { request } of entries) {
    const { origin } = new URL(request.url)
    counts.set(origin, (counts.get(origin) ?? 0) + 1)
  }
  const [main] = [...counts].toSorted(([, a], [, b]) => b - a)
  if (main === undefined)
    throw new UsageError(
      `${source}: log.entries: expected requests other than pictures and scripts, got none`,
    )
  return {
    origin: main[0],
    entries: entries.filter(({ request }) => new URL(request.url).origin === main[0]),
  }
}

function isAsset(mimeType: string): boolean {
  return /^(?:image|font|audio|video)\/|css|javascript|wasm/i.test(mimeType)
}

const maxSteps = 40

/** A value of an earlier answer, which a later request may send again. */
interface Known {
  step: DraftStep
  place: (string | number)[]
  isCreated: boolean
}

/**
 * Sends the recorded requests again, in their order, as one journey. A value that an earlier recorded answer
 * contained is taken from the new answer. Cookies and credentials are left out.
 */
export async function replay({ entries }: Recording, exploration: Exploration): Promise<DraftJourney> {
  const journey: DraftJourney = { name: 'recorded', steps: [], candidates: [], leavesData: false }
  const known = new Map<string, Known>()
  const answers = new Map<DraftStep, unknown>()
  const ctx = startContext(exploration.run, 0, 0, {}, exploration.secrets)
  const seen = new Set<string>()
  for (const entry of entries) {
    const { pathname, search } = new URL(entry.request.url)
    const method = entry.request.method.toUpperCase()
    const path = `${pathname}${search}`
    if (!isWrite(method) && seen.has(path)) continue
    seen.add(path)
    const problem = findEntryProblem(entry, method, exploration.allowWrites)
    const draft = problem ?? toDraft(entry, journey.steps, known)
    if (typeof draft === 'string' || journey.steps.length >= maxSteps) {
      const reason = typeof draft === 'string' ? draft : `the journey has ${maxSteps} steps already`
      journey.candidates.push({ method, path: hideSecrets(path), reason })
      continue
    }
    for (const [step, json] of answers)
      for (const [name, place] of Object.entries(step.saves)) ctx[name] = pick(json, place)
    const sent = await sendDraft(draft, { send: exploration.send, ctx })
    if ('problem' in sent) {
      journey.candidates.push({ method, path: hideSecrets(path), reason: sent.problem })
      continue
    }
    const step = { ...draft, status: sent.status }
    journey.steps.push(step)
    answers.set(step, sent.json)
    learn(entry, step, method === 'POST', known)
  }
  const count = (name: string): number => journey.steps.filter(({ method }) => method === name).length
  return dropUnusedSaves({ ...journey, leavesData: count('POST') > count('DELETE') })
}

function findEntryProblem(
  { request, response }: Entry,
  method: string,
  allowWrites: boolean,
): string | undefined {
  if (response.status < 200 || response.status >= 300)
    return `was answered with ${response.status} when it was recorded`
  if (isWrite(method) && !allowWrites)
    return 'writes, and the service is not on this machine: run again with --allow-writes'
  const named = [...new URL(request.url).searchParams].map(([name, value]) => [name, value] as const)
  if (findSecrets(Object.fromEntries(named)).length > 0) return 'its query has a secret: pass it by `secrets`'
  const { text = '', mimeType = '' } = request.postData ?? {}
  if (text !== '' && !/json|x-www-form-urlencoded/.test(mimeType))
    return `its body is ${mimeType || 'of no type'}, which init does not write`
  return /"?(?:password|passwd|secret|token|api_?key)"?\s*[:=]/i.test(text)
    ? 'its body has a secret: pass it by `secrets`'
    : undefined
}

function hideSecrets(path: string): string {
  return path.replaceAll(/=[^&]*/g, '=…')
}

function toDraft(
  entry: Entry,
  steps: readonly DraftStep[],
  known: ReadonlyMap<string, Known>,
): DraftStep | string {
  const { request } = entry
  const method = request.method.toUpperCase()
  const { pathname, search } = new URL(request.url)
  const path = new Template(
    `${pathname}${search}`.split(/([/?&=])/).map((piece): Part => {
      const found = decode(piece)
      return found.length === 1 && /[/?&=]/.test(found)
        ? { text: piece }
        : (refer(found, known) ?? { text: piece })
    }),
  )
  const last = pathname.split('/').findLast((segment) => segment !== '' && !/\d/.test(segment)) ?? 'home'
  const base = toName(`${method} ${last}`)
  const taken = steps.filter(({ name }) => name === base || name.startsWith(`${base}-`)).length
  const headers = Object.fromEntries(
    (request.headers ?? [])
      .filter(({ name }) => /^accept$/i.test(name))
      .map(({ name, value }) => [name.toLowerCase(), new Template([{ text: value }])]),
  )
  const draft: DraftStep = {
    name: taken === 0 ? base : `${base}-${taken + 1}`,
    method,
    path,
    headers,
    status: entry.response.status,
    saves: {},
    ...toBody(request.postData, known),
  }
  const needed = [...findNeeded({ ...draft, headers: {}, json: undefined })]
  const isOwn = needed.some((name) =>
    [...known.values()].some(({ step, isCreated }) => isCreated && name in step.saves),
  )
  if (['PUT', 'PATCH', 'DELETE'].includes(method) && !isOwn)
    return 'changes only what the journey created, and its address has no value of an answer to a POST'
  return draft
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

function refer(value: string, known: ReadonlyMap<string, Known>): { saved: string } | undefined {
  const found = known.get(value)
  if (found === undefined) return undefined
  const { step, place } = found
  const same = Object.entries(step.saves).find(([, other]) => other === place)
  if (same) return { saved: same[0] }
  const taken = new Set([...known.values()].flatMap(({ step: other }) => Object.keys(other.saves)))
  const field = place.findLast((key) => typeof key === 'string') ?? 'value'
  const base = toIdentifier(`${step.name.replace(/^[a-z]+-/, '')} ${field}`)
  let saved = base
  for (let number = 2; taken.has(saved); number += 1) saved = `${base}${number}`
  step.saves[saved] = place
  return { saved }
}

function toBody(
  data: Entry['request']['postData'],
  known: ReadonlyMap<string, Known>,
): Pick<DraftStep, 'json' | 'form'> {
  const { text = '', mimeType = '' } = data ?? {}
  if (text === '') return {}
  if (mimeType.includes(formType)) {
    const pairs = [...new URLSearchParams(text)].map(([name, value]): [string, FormValue] => {
      const part = refer(value, known)
      return [name, part ? new Template([part]) : value]
    })
    return { form: Object.fromEntries(pairs) }
  }
  try {
    return { json: referAll(JSON.parse(text), known) }
  } catch {
    return {}
  }
}

function referAll(value: unknown, known: ReadonlyMap<string, Known>): unknown {
  if (Array.isArray(value)) return value.map((item: unknown) => referAll(item, known))
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, referAll(item, known)]))
  const part =
    typeof value === 'string' || typeof value === 'number' ? refer(String(value), known) : undefined
  return part ? new Template([part]) : value
}

const minSpecificLength = 8

/** Keeps the values of a recorded answer that are specific enough to be recognised: ids and long texts. */
function learn({ response }: Entry, step: DraftStep, isCreated: boolean, known: Map<string, Known>): void {
  const { text = '', encoding } = response.content
  let json: unknown
  try {
    json = JSON.parse(encoding === 'base64' ? Buffer.from(text, 'base64').toString('utf8') : text)
  } catch {
    return
  }
  visit(json, [], (place, value) => {
    const key = String(place.at(-1) ?? '')
    const isSpecific = typeof value === 'string' && value.length >= minSpecificLength && !/\s/.test(value)
    const isId = /(?:^|[a-z_])(?:id|uuid|slug)$/i.test(key) && isNameable(value)
    if ((isSpecific || isId) && (isCreated || !known.has(String(value))))
      known.set(String(value), { step, place, isCreated })
  })
}

function isNameable(value: unknown): boolean {
  return (typeof value === 'string' && value !== '') || typeof value === 'number'
}

const maxDepth = 6

function visit(
  value: unknown,
  place: (string | number)[],
  found: (place: (string | number)[], value: unknown) => void,
): void {
  if (typeof value !== 'object' || value === null) return found(place, value)
  if (place.length >= maxDepth) return
  const entries: [string | number, unknown][] = Array.isArray(value)
    ? value.slice(0, 3).map((item: unknown, index): [number, unknown] => [index, item])
    : Object.entries(value)
  for (const [key, item] of entries) visit(item, [...place, key], found)
}
