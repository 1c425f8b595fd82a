import type { Send } from '../../../journeys/client/index.ts'
import { checkStep, startContext, toWireRequest } from '../../../journeys/index.ts'
import type { Context, Secrets } from '../../../journeys/index.ts'
import { toOneLine } from '../../../record/index.ts'
import { dropUnusedSaves, findNeeded, formType, isWrite, pick, Template, toStep } from './draft.ts'
import type { DraftJourney, DraftStep, FormValue, Part } from './draft.ts'
import { chooseStepName, toIdentifier } from './names.ts'
import type { Operation } from './openapi.ts'
import { findCredentials, findDocumentedValue, suggestBodies } from './values.ts'

export interface Exploration {
  send: Send
  /** Names the run in every `unique`. */
  run: string
  allowWrites: boolean
  secrets: Secrets
  /** Environment variable of the token. */
  token: string | undefined
}

/** An answer that later steps may take values from. */
interface Answer {
  operation: Operation
  step: DraftStep
  json: unknown
}

/** The state of one resource's exploration. */
interface Attempt extends Exploration {
  journey: DraftJourney
  answers: Answer[]
  /** Operations on one item of the collection are known. */
  hasItems: boolean
  ctx: Context
}

// What others need comes first, what destroys comes last.
const order = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']

function rank({ method, path }: Operation): number {
  const depth = path.split('{').length - 1
  const at = order.indexOf(method)
  if (method === 'DELETE') return 1000 - depth
  // A read of one follows what creates it.
  return depth * 10 + (depth > 0 && method === 'POST' ? 9 : at)
}

/** Sends the operations of a resource, one after another, and keeps those that the service answered. */
export async function exploreResource(
  name: string,
  operations: readonly Operation[],
  exploration: Exploration,
): Promise<DraftJourney> {
  const journey: DraftJourney = { name, steps: [], candidates: [], leavesData: false }
  const ctx = startContext(exploration.run, 0, 0, {}, exploration.secrets)
  const attempt: Attempt = {
    ...exploration,
    journey,
    answers: [],
    ctx,
    hasItems: operations.some(({ path }) => path.includes('{')),
  }
  for (const operation of operations.toSorted((a, b) => rank(a) - rank(b))) {
    const problem = await tryOperation(operation, attempt)
    if (problem !== undefined)
      journey.candidates.push({ method: operation.method, path: operation.path, reason: problem })
  }
  return dropUnusedSaves({ ...journey, leavesData: leavesData(attempt) })
}

function leavesData({ answers, journey }: Attempt): boolean {
  const created = answers.filter(({ operation }) => operation.method === 'POST').length
  return created > journey.steps.filter(({ method }) => method === 'DELETE').length
}

/** Adds the operation as a step. Returns why it could not, in words for a comment. */
async function tryOperation(operation: Operation, attempt: Attempt): Promise<string | undefined> {
  if (operation.deprecated) return 'deprecated'
  if (isWrite(operation.method) && !attempt.allowWrites)
    return 'writes, and the service is not on this machine: run again with --allow-writes'
  const credentials = findCredentials(operation, attempt.token)
  if (typeof credentials === 'string') return credentials
  const address = findAddress(operation, attempt)
  if (typeof address === 'string') return address
  const query = [...address.query, ...credentials.query]
  const draft: DraftStep = {
    name: chooseStepName(operation, attempt.journey.steps, attempt.hasItems),
    method: operation.method,
    path: new Template([
      ...address.path,
      ...query.flatMap(([name, value], index): Part[] => [
        { text: `${index === 0 ? '?' : '&'}${encodeURIComponent(name)}=` },
        value,
      ]),
    ]),
    headers: { ...address.headers, ...credentials.headers },
    status: 200,
    saves: {},
  }
  return sendVariants(draft, operation, attempt)
}

const maxVariants = 8

async function sendVariants(
  draft: DraftStep,
  operation: Operation,
  attempt: Attempt,
): Promise<string | undefined> {
  const bodies = listBodies(operation)
  if (typeof bodies === 'string') return bodies
  let problem: string | undefined
  for (const body of bodies.slice(0, maxVariants)) {
    const step = { ...draft, ...body }
    const first = await sendDraft(step, attempt)
    if ('problem' in first) {
      problem ??= first.problem
      continue
    }
    // What the service takes once only, such as a name, is no load.
    const again =
      operation.method === 'DELETE'
        ? first
        : await sendDraft(step, { ...attempt, ctx: { ...attempt.ctx, unique: `${attempt.ctx.unique}x` } })
    if ('problem' in again) {
      problem = `${again.problem}, when sent again`
      continue
    }
    const kept = { ...step, status: first.status }
    attempt.journey.steps.push(kept)
    attempt.answers.push({ operation, step: kept, json: first.json })
    return undefined
  }
  return problem ?? 'the document describes no body that could be sent'
}

function listBodies({ body }: Operation): Pick<DraftStep, 'json' | 'form'>[] | string {
  if (body === undefined) return [{}]
  const json = Object.entries(body).find(([type]) => /^application\/(?:[\w.-]+\+)?json\b/.test(type))?.[1]
  if (json !== undefined) return suggestBodies(json).map((value) => ({ json: value }))
  const form = body[formType]
  if (form === undefined)
    return `its body is ${Object.keys(body)[0] ?? 'of no type'}, which init does not write`
  return suggestBodies(form).flatMap((value) => (isForm(value) ? [{ form: value }] : []))
}

function isForm(value: unknown): value is Record<string, FormValue> {
  return (
    typeof value === 'object' &&
    value !== null &&
    Object.values(value).every((item) => typeof item !== 'object' || item instanceof Template)
  )
}

type Sent = { status: number; json: unknown } | { problem: string }

/** Sends a step as a journey would; any 2xx is an answer. */
export async function sendDraft(
  draft: DraftStep,
  { send, ctx }: Pick<Attempt, 'send' | 'ctx'>,
): Promise<Sent> {
  const step = toStep(draft)
  const sent = await send(toWireRequest(step, ctx))
  if (sent.state === 'failed') return { problem: toOneLine(sent.message) }
  const { status, json } = sent.response
  const checked = checkStep({ ...step, status: [] }, sent.response, ctx)
  if (status < 200 || status >= 300)
    return { problem: toOneLine(checked.problem ?? '').replace(/, expected 2xx/, '') }
  return { status, json }
}

interface Address {
  path: Part[]
  query: [string, Part][]
  headers: Record<string, Template>
}

/** The address with a value for each required parameter, or the parameter that has none. */
function findAddress(operation: Operation, attempt: Attempt): Address | string {
  const path: Part[] = []
  let prefix = ''
  for (const piece of operation.path.split(/(\{[^{}]+\})/)) {
    const name = /^\{(.+)\}$/.exec(piece)?.[1]
    const part = name === undefined ? { text: piece } : findPathValue(name, prefix, operation, attempt)
    if (part === undefined)
      return isWrite(operation.method)
        ? `changes only what the journey created, and no answer before has a value for {${name}}`
        : `no answer before has a value for {${name}}, and the document gives no example`
    path.push(part)
    prefix += piece
  }
  const address: Address = { path, query: [], headers: {} }
  for (const parameter of operation.parameters.filter(
    ({ in: place, required }) => place !== 'path' && required,
  )) {
    const value = findDocumentedValue(parameter)
    if (value === undefined || parameter.in === 'cookie')
      return `needs the ${parameter.in} parameter ${parameter.name}, and the document gives no example`
    if (parameter.in === 'query') address.query.push([parameter.name, { text: encodeURIComponent(value) }])
    else address.headers[parameter.name.toLowerCase()] = new Template([{ text: value }])
  }
  return address
}

/**
 * A value from an answer before: where the document links it, else the field of that name in the answer of
 * the collection. What is changed or deleted must have been created by the journey itself.
 */
function findPathValue(
  name: string,
  prefix: string,
  operation: Operation,
  attempt: Attempt,
): Part | undefined {
  const usable = attempt.answers.filter(
    (answer) =>
      !isWrite(operation.method) || answer.operation.method === 'POST' || usesCreated(answer, attempt),
  )
  for (const answer of usable.toReversed()) {
    const place = findLinked(name, operation, answer) ?? findField(name, prefix, answer)
    if (place === undefined) continue
    const saved = save(answer.step, name, place, attempt)
    attempt.ctx = { ...attempt.ctx, [saved]: pick(answer.json, place) }
    return { saved }
  }
  const parameter = operation.parameters.find((known) => known.in === 'path' && known.name === name)
  const value = parameter && !isWrite(operation.method) ? findDocumentedValue(parameter) : undefined
  return value === undefined ? undefined : { text: encodeURIComponent(value) }
}

/** An answer about what the journey created: all that its address needs came from such answers. */
function usesCreated({ step }: Answer, { answers }: Attempt): boolean {
  const needed = [...findNeeded(step)]
  const created = answers.filter(({ operation }) => operation.method === 'POST')
  return needed.length > 0 && needed.every((name) => created.some((answer) => name in answer.step.saves))
}

function findLinked(name: string, { id, path }: Operation, answer: Answer): (string | number)[] | undefined {
  const pointer = path.replaceAll('~', '~0').replaceAll('/', '~1')
  for (const { operationId, operationRef, parameters } of answer.operation.links) {
    if (operationId === undefined ? !operationRef?.includes(`/${pointer}/`) : operationId !== id) continue
    const expression = parameters?.[name] ?? parameters?.[`path.${name}`]
    const found =
      typeof expression === 'string' ? /^\$response\.body#(\/.+)$/.exec(expression)?.[1] : undefined
    const place = found
      ?.slice(1)
      .split('/')
      .map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'))
    if (place !== undefined && isValue(pick(answer.json, place))) return place
  }
  return undefined
}

function isValue(value: unknown): boolean {
  return typeof value === 'number' || (typeof value === 'string' && value !== '')
}

function findField(
  name: string,
  prefix: string,
  { operation, json }: Answer,
): (string | number)[] | undefined {
  // `/pets/` of `/pets/{petId}` is the collection `/pets`.
  const isCollection = toShape(operation.path) === toShape(prefix)
  if (!isCollection) return undefined
  const isId = /id$/i.test(name)
  const names = [name, ...(isId ? ['id', '_id'] : [])]
  for (const item of findItems(json))
    for (const field of names) if (isValue(pick(json, [...item, field]))) return [...item, field]
  return undefined
}

function toShape(path: string): string {
  return path.replaceAll(/\{[^{}]+\}/g, '{}').replace(/\/+$/, '')
}

/** Where an answer has its item: the answer itself, the first of an array, or the first of an array in it. */
function findItems(json: unknown): (string | number)[][] {
  if (Array.isArray(json)) return [[0]]
  if (typeof json !== 'object' || json === null) return []
  const inner = Object.entries(json).flatMap(([key, value]): (string | number)[][] => {
    if (Array.isArray(value)) return value.length > 0 ? [[key, 0]] : []
    return typeof value === 'object' && value !== null ? [[key]] : []
  })
  return [[], ...inner]
}

/** Lets a step save a value. Returns the name under which later steps find it. */
function save(step: DraftStep, name: string, place: (string | number)[], { journey }: Attempt): string {
  const same = Object.entries(step.saves).find(([, other]) => other.join('/') === place.join('/'))
  if (same) return same[0]
  const taken = new Set(journey.steps.flatMap(({ saves }) => Object.keys(saves)))
  const base = toIdentifier(name)
  let saved = base
  for (let number = 2; taken.has(saved); number += 1) saved = `${base}${number}`
  step.saves[saved] = place
  return saved
}
