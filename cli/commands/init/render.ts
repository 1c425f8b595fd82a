import type { Budgets } from '../../../baselines/index.ts'
import { formType, Template, visitTemplates } from './draft.ts'
import type { Candidate, DraftJourney, DraftStep, FormValue, Part } from './draft.ts'

/** What the written config says. */
export interface ConfigPlan {
  url: string
  command: readonly string[] | undefined
  ready: string | undefined
  metrics: string | undefined
  secrets: readonly string[]
  /** Relative path of the journeys module. */
  journeys: string
  names: readonly string[]
  /** Journeys that create what they do not delete: no probes. */
  leavingData: readonly string[]
  suites: readonly SuitePlan[]
  budgets: Budgets | undefined
  /** Lines above the budgets: where they come from. */
  measured: readonly string[]
  /** Whether the project has the package, whose types an editor then shows. */
  hasPackage: boolean
}

export interface SuitePlan {
  name: string
  engine: 'k6' | 'autocannon'
  load: { ratePerSecond: number } | { connections: number }
  warmupSeconds: number
  durationSeconds: number
  comment: string
}

export function renderConfig(plan: ConfigPlan): string {
  const { hasPackage, command, ready, metrics, secrets, budgets } = plan
  const probes = plan.names.filter((name) => !plan.leavingData.includes(name))
  const target = [
    `    url: ${quote(plan.url)},`,
    ...(command === undefined
      ? [
          '    // Starts the service in CI and for `vigil ab`:',
          `    // command: ['npm', 'start'], ready: ${quote(ready ?? '/')},`,
        ]
      : [`    command: ${renderValue(command)},`]),
    ...(ready === undefined ? [] : [`    ready: ${quote(ready)},`]),
    ...(metrics === undefined ? [] : [`    metrics: ${quote(metrics)},`]),
  ]
  const leaving = plan.leavingData.map(
    (name) => `    // ${name} is no probe: each run creates something that no step deletes.`,
  )
  return [
    ...(hasPackage ? ["import { defineConfig } from 'vigil-gate'", ''] : []),
    hasPackage ? 'export default defineConfig({' : 'export default {',
    '  target: {',
    ...target,
    '  },',
    `  journeys: ${quote(plan.journeys)},`,
    ...(secrets.length === 0 ? [] : [`  secrets: ${renderValue(secrets)},`]),
    '  probes: {',
    ...probes.map((name) => `    ${renderKey(name)}: { journey: ${quote(name)}, every: '1m' },`),
    ...leaving,
    '  },',
    '  suites: {',
    ...plan.suites.flatMap((suite) => renderSuite(suite, plan.names)),
    '  },',
    ...plan.measured.map((line) => `  // ${line}`),
    ...(budgets === undefined ? [] : [`  budgets: ${renderValue(budgets, '  ')},`]),
    hasPackage ? '})' : '}',
    '',
  ].join('\n')
}

function renderSuite(suite: SuitePlan, names: readonly string[]): string[] {
  return [
    `    // ${suite.comment}`,
    `    ${suite.name}: {`,
    `      engine: ${quote(suite.engine)},`,
    `      journeys: ${renderValue(Object.fromEntries(names.map((name) => [name, 1])))},`,
    `      load: ${renderValue(suite.load)},`,
    `      warmupSeconds: ${suite.warmupSeconds},`,
    `      durationSeconds: ${suite.durationSeconds},`,
    '    },',
  ]
}

/** The journeys module. What did not work is a comment at its journey. */
export function renderJourneys(
  journeys: readonly DraftJourney[],
  source: string,
  hasPackage: boolean,
): string {
  const written = journeys.filter(({ steps }) => steps.length > 0)
  const left = journeys.filter(({ steps }) => steps.length === 0)
  const needsPick = written.some(({ steps }) => steps.some(({ saves }) => Object.keys(saves).length > 0))
  const types = hasPackage ? ["import type { Context } from 'vigil-gate'"] : []
  return [
    ...(hasPackage ? ["import { defineJourneys } from 'vigil-gate/journeys'"] : []),
    ...(hasPackage && usesContext(written) ? types : []),
    ...(hasPackage ? [''] : []),
    `/* Written by vigil init from ${source.replaceAll('*/', '')}. Each step was answered with 2xx. */`,
    '',
    ...(needsPick ? [pickText, ''] : []),
    hasPackage ? 'export default defineJourneys([' : 'export default [',
    ...written.flatMap((journey) => renderJourney(journey, hasPackage)),
    ...left.flatMap(({ name, candidates }) => [
      `  // ${name}: no step`,
      ...renderCandidates(candidates, '  '),
    ]),
    hasPackage ? '])' : ']',
    '',
  ].join('\n')
}

const pickText = `/** A value of an answer: \`pick(json, 'items', 0, 'id')\`. */
function pick(json: unknown, ...path: (string | number)[]): unknown {
  return path.reduce<unknown>((at, key) => Object(at)[key], json)
}`

function usesContext(journeys: readonly DraftJourney[]): boolean {
  return journeys.some(({ steps }) => steps.some((step) => findNames(step).length > 0))
}

function renderJourney({ name, steps, candidates }: DraftJourney, hasPackage: boolean): string[] {
  return [
    '  {',
    `    name: ${quote(name)},`,
    '    steps: [',
    ...steps.flatMap((step) => renderStep(step, hasPackage)),
    ...renderCandidates(candidates, '      '),
    '    ],',
    '  },',
  ]
}

function renderCandidates(candidates: readonly Candidate[], indent: string): string[] {
  return candidates.map(
    ({ method, path, reason }) => `${indent}// ${toComment(`${method} ${path}: ${reason}`)}`,
  )
}

// A line of a comment ends where JavaScript ends lines.
function toComment(text: string): string {
  return text.replaceAll(/[\r\n\u2028\u2029]+/g, ' ').slice(0, 240)
}

function renderStep(step: DraftStep, hasPackage: boolean): string[] {
  const names = findNames(step)
  const head =
    names.length === 0
      ? '()'
      : `({ ${names.join(', ')} }${hasPackage ? ': Context' : ': Record<string, any>'})`
  const headers = { ...step.headers, ...(step.form && { 'content-type': formType }) }
  const request = [
    `method: ${quote(step.method)}`,
    `path: ${renderTemplate(step.path, true)}`,
    ...(Object.keys(headers).length === 0 ? [] : [`headers: ${renderValue(headers, '          ')}`]),
    ...(step.json === undefined ? [] : [`json: ${renderValue(step.json, '          ')}`]),
    ...(step.form === undefined ? [] : [`body: ${renderForm(step.form)}`]),
  ]
  const saves = Object.entries(step.saves).map(
    ([name, path]) => `${name}: pick(json, ${path.map((key) => renderValue(key)).join(', ')})`,
  )
  return [
    '      {',
    `        name: ${quote(step.name)},`,
    ...renderRequest(head, request),
    `        status: ${step.status},`,
    ...(saves.length === 0
      ? []
      : [`        save: ({ json }${hasPackage ? '' : ': { json: unknown }'}) => ({ ${saves.join(', ')} }),`]),
    '      },',
  ]
}

function renderRequest(head: string, fields: readonly string[]): string[] {
  const line = `        request: ${head} => ({ ${fields.join(', ')} }),`
  if (line.length <= 110 && !line.includes('\n')) return [line]
  return [`        request: ${head} => ({`, ...fields.map((field) => `          ${field},`), '        }),']
}

/** What a step takes from its context. */
function findNames({ path, headers, json, form }: DraftStep): string[] {
  const names = new Set<string>()
  visitTemplates([path, headers, json, form], (part) => {
    if ('saved' in part) names.add(part.saved)
    else if ('unique' in part) names.add('unique')
    else if ('secret' in part) names.add('secrets')
  })
  return [...names]
}

function renderTemplate({ parts }: Template, isAddress = false): string {
  const [only] = parts
  if (parts.every((part) => 'text' in part))
    return quote(parts.map((part) => ('text' in part ? part.text : '')).join(''))
  if (!isAddress && parts.length === 1 && only !== undefined && 'saved' in only) return only.saved
  return `\`${parts.map((part) => renderPart(part, isAddress)).join('')}\``
}

function renderPart(part: Part, isAddress: boolean): string {
  if ('text' in part) return part.text.replaceAll(/[\\`]|\$\{/g, String.raw`\$&`)
  const name = 'saved' in part ? part.saved : 'secret' in part ? `secrets.${part.secret}` : 'unique'
  if (!isAddress || 'unique' in part) return `\${${name}}`
  return 'saved' in part ? `\${encodeURIComponent(String(${name}))}` : `\${encodeURIComponent(${name} ?? '')}`
}

// Neither k6 nor this interpreter has form bodies: the text is built here.
function renderForm(form: Readonly<Record<string, FormValue>>): string {
  const pairs = Object.entries(form).map(([name, value]) => {
    const text = value instanceof Template ? renderTemplate(value) : quote(String(value))
    return `'${encodeURIComponent(name).replaceAll("'", '%27')}=' + encodeURIComponent(${text})`
  })
  return pairs.join(" + '&' + ") || "''"
}

/** A value as TypeScript writes it, in lines when it is long. */
function renderValue(value: unknown, indent = ''): string {
  if (value instanceof Template) return renderTemplate(value)
  if (typeof value === 'string') return quote(value)
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'undefined'
  const inner = `${indent}  `
  const isArray = Array.isArray(value)
  const items = isArray
    ? value.map((item: unknown) => renderValue(item, inner))
    : Object.entries(value).map(([key, item]) => `${renderKey(key)}: ${renderValue(item, inner)}`)
  if (items.length === 0) return isArray ? '[]' : '{}'
  const line = isArray ? `[${items.join(', ')}]` : `{ ${items.join(', ')} }`
  if (line.length + indent.length <= 90 && !line.includes('\n')) return line
  return [
    isArray ? '[' : '{',
    ...items.map((item) => `${inner}${item},`),
    `${indent}${isArray ? ']' : '}'}`,
  ].join('\n')
}

function renderKey(key: string): string {
  // An own key of this name would set the prototype.
  if (key === '__proto__') return "['__proto__']"
  return /^[A-Za-z_$][\w$]*$/.test(key) ? key : quote(key)
}

export function quote(text: string): string {
  const json = JSON.stringify(text)
    .replaceAll('\u2028', String.raw`\u2028`)
    .replaceAll('\u2029', String.raw`\u2029`)
  return text.includes("'") ? json : `'${json.slice(1, -1).replaceAll('\\"', '"')}'`
}
