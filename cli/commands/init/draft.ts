import type { Context, Step, StepRequest } from '../../../journeys/index.ts'

/** A part of a text that is only known when the text is sent. */
export type Part = { text: string } | { saved: string } | { secret: string } | { unique: true }

/** A text with such parts. One saved value alone keeps its type. */
export class Template {
  readonly parts: readonly Part[]
  constructor(parts: readonly Part[]) {
    this.parts = parts
  }
}

export type FormValue = string | number | boolean | Template

/** A step of a journey before it is written: what is sent, what was answered, and what later steps need. */
export interface DraftStep {
  name: string
  method: string
  /** Saved values in it are encoded. */
  path: Template
  headers: Record<string, Template>
  /** JSON whose leaves may be templates. */
  json?: unknown
  form?: Record<string, FormValue>
  status: number
  /** Name → place in the JSON of the answer. */
  saves: Record<string, (string | number)[]>
}

/** What could not be tried or did not work, for the reader. */
export interface Candidate {
  method: string
  path: string
  reason: string
}

/** A journey of one resource. */
export interface DraftJourney {
  name: string
  steps: DraftStep[]
  candidates: Candidate[]
  /** Creates something that no step deletes. */
  leavesData: boolean
}

export function isWrite(method: string): boolean {
  return !['GET', 'HEAD', 'OPTIONS'].includes(method)
}

/** Names of saved values that a step needs. */
export function findNeeded({ path, headers, json, form }: DraftStep): Set<string> {
  const needed = new Set<string>()
  visitTemplates([path, headers, json, form], (part) => {
    if ('saved' in part) needed.add(part.saved)
  })
  return needed
}

/** What a step saves and no step needs is left out. */
export function dropUnusedSaves(journey: DraftJourney): DraftJourney {
  const needed = new Set(journey.steps.flatMap((step) => [...findNeeded(step)]))
  for (const step of journey.steps)
    step.saves = Object.fromEntries(Object.entries(step.saves).filter(([name]) => needed.has(name)))
  return journey
}

export function visitTemplates(value: unknown, visit: (part: Part) => void): void {
  if (value instanceof Template) for (const part of value.parts) visit(part)
  else if (typeof value === 'object' && value !== null)
    for (const item of Object.values(value)) visitTemplates(item, visit)
}

/** A value at a place in JSON; undefined where the place does not exist. */
export function pick(json: unknown, path: readonly (string | number)[]): unknown {
  return path.reduce<unknown>(
    (at, key) => (typeof at === 'object' && at !== null ? Reflect.get(at, key) : undefined),
    json,
  )
}

/** The step as the interpreter plays it. */
export function toStep(draft: DraftStep): Step {
  return {
    name: draft.name,
    status: draft.status,
    request: (ctx) => toRequest(draft, ctx),
    save: ({ json }) =>
      Object.fromEntries(Object.entries(draft.saves).map(([name, path]) => [name, pick(json, path)])),
  }
}

function toRequest({ method, path, headers, json, form }: DraftStep, ctx: Context): StepRequest {
  const filled = Object.entries(headers).map(([name, value]) => [name, String(fill(value, ctx))] as const)
  const request = {
    method,
    path: path.parts.map((part) => fillPart(part, ctx, encodeURIComponent)).join(''),
    ...(filled.length > 0 && { headers: Object.fromEntries(filled) }),
  }
  if (form !== undefined) {
    const body = Object.entries(form)
      .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(String(fill(value, ctx)))}`)
      .join('&')
    return { ...request, headers: { ...request.headers, 'content-type': formType }, body }
  }
  return json === undefined ? request : { ...request, json: fill(json, ctx) }
}

export const formType = 'application/x-www-form-urlencoded'

function fill(value: unknown, ctx: Context): unknown {
  if (value instanceof Template) {
    const [only] = value.parts
    if (value.parts.length === 1 && only !== undefined && 'saved' in only) return ctx[only.saved]
    return value.parts.map((part) => fillPart(part, ctx, (text) => text)).join('')
  }
  if (Array.isArray(value)) return value.map((item: unknown) => fill(item, ctx))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, fill(item, ctx)]))
}

function fillPart(part: Part, ctx: Context, encode: (text: string) => string): string {
  if ('text' in part) return part.text
  if ('saved' in part) return encode(String(ctx[part.saved]))
  return 'secret' in part ? encode(ctx.secrets[part.secret] ?? '') : ctx.unique
}
