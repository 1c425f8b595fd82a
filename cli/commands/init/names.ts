import type { DraftStep } from './draft.ts'
import type { Operation } from './openapi.ts'

/** Operations by resource: the first segment of the path that is neither a parameter nor a version. */
export function groupByResource(operations: readonly Operation[]): Map<string, Operation[]> {
  return Map.groupBy(operations, ({ path }) => findResource(path))
}

function findResource(path: string): string {
  const segments = path.split('/').filter((segment) => segment !== '')
  const name = segments.find((segment) => !/^(?:api|rest|v\d+(?:\.\d+)*)$|[{}]/i.test(segment)) ?? 'root'
  return toName(name) || 'root'
}

export function toName(text: string): string {
  return text
    .replaceAll(/[^A-Za-z0-9]+/g, '-')
    .replaceAll(/^-+|-+$/g, '')
    .slice(0, 40)
    .toLowerCase()
}

/** The context's own names, and words that JavaScript allows no variable to have. */
const reserved = new Set(
  (
    'user iteration unique secrets polls json pick await break case catch class const continue debugger ' +
    'default delete do else enum eval export extends false finally for function if implements import in ' +
    'instanceof interface let new null package private protected public return static ' +
    'super switch this throw true try typeof var void while with yield arguments encodeURIComponent String'
  ).split(' '),
)

/** A name for a variable, in camel case. */
export function toIdentifier(name: string): string {
  const words = name.split(/[^A-Za-z0-9]+/).filter((word) => word !== '')
  const camel = words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('')
  const plain = camel.charAt(0).toLowerCase() + camel.slice(1)
  return /^[a-z]/.test(plain) && !reserved.has(plain) ? plain : `saved${camel}`
}

const usual: Record<string, [collection: string, item: string]> = {
  GET: ['list', 'read'],
  POST: ['create', 'add'],
  PUT: ['replace', 'replace'],
  PATCH: ['change', 'update'],
  DELETE: ['clear', 'delete'],
}

/** @param hasItems whether the resource is a collection, with operations on one item */
export function chooseStepName(
  { method, path, id }: Operation,
  steps: readonly DraftStep[],
  hasItems: boolean,
): string {
  const taken = new Set(steps.map(({ name }) => name))
  const depth = path.split('{').length - 1
  const plain =
    hasItems && depth <= 1 && (path.endsWith('}') || depth === 0)
      ? usual[method]?.[Math.min(depth, 1)]
      : undefined
  const last = path.split('/').findLast((segment) => segment !== '' && !segment.includes('{')) ?? ''
  const names = [plain, toName(id ?? ''), toName(`${method} ${last}`), toName(`${method} ${path}`)]
  const free = names.find((name) => name !== undefined && name !== '' && !taken.has(name))
  return free ?? `${method.toLowerCase()}-${steps.length + 1}`
}
