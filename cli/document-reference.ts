import { readFileSync, writeFileSync } from 'node:fs'
import type { Command } from 'commander'
import { metricNames, metrics, runHistograms } from '../reports/prometheus/index.ts'
import { counters, gauges, histograms, schedulerGauges } from '../synthetics/metrics/index.ts'
import { documentSchemas } from './document-schemas.ts'
import { reasons } from '../baselines/index.ts'
import { exitCodes } from './exit-codes.ts'
import { describeCommands } from './program.ts'

/** A JSON Schema, as far as these pages show it. */
interface Schema {
  type?: string
  description?: string
  const?: unknown
  enum?: unknown[]
  pattern?: string
  minimum?: number
  exclusiveMinimum?: number
  maximum?: number
  properties?: Record<string, Schema>
  required?: string[]
  items?: Schema
  prefixItems?: Schema[]
  additionalProperties?: Schema | boolean
  anyOf?: Schema[]
  oneOf?: Schema[]
}

function page(title: string, can: string, ...body: string[]): string {
  return `${[`# ${title}`, `After reading this you can ${can}.`, generated, ...body].join('\n\n')}\n`
}

const generated = 'This page is generated (`npm run generate`) from the code that it describes.'

/** The generated pages of `docs/reference/`, by file name. */
export async function referencePages(): Promise<Record<string, string>> {
  const schemas: Record<string, Schema> = JSON.parse(JSON.stringify(documentSchemas()))
  return {
    'config.md': page(
      'Config',
      'write each setting of `vigil.config.ts`',
      'Paths of files are relative to the config. A field with `?` is optional. Editors read ' +
        'the same from the types of `defineConfig`, or from `vigil-gate/schemas/config.schema.json`.',
      toTable(schemas['config'] ?? {}, 'config/schema.ts'),
    ),
    'journeys.md': page(
      'Journeys',
      'write each field of a journey',
      'The module that `journeys` of the config names has an array of these as its default export.',
      `\`\`\`ts\n${readTypes('../journeys/journey.ts')}\n\`\`\``,
    ),
    'record.md': page(
      'Run record',
      'read and write `record.json`, a `vigil.run/1` document',
      'Unknown fields are kept. `totals` and `endpoints` are enough for `vigil compare`. Times are in ' +
        'milliseconds, rates per second, sizes in bytes, ratios from 0 to 1.',
      toTable(schemas['run'] ?? {}, 'record/documents/run.ts'),
    ),
    'verdict.md': page(
      'Verdict',
      'read `verdict.json`, a `vigil.verdict/1` document',
      toTable(schemas['verdict'] ?? {}, 'baselines/verdict.ts'),
    ),
    'reasons.md': page(
      'Reasons',
      'find why a verdict is not a pass, which exit code follows, and what to do next',
      'Each row of a verdict that did not pass has a code, and so has each reason of an invalid record\n' +
        '(`validity.codes`). Reports print the next step with the names, the URL and the command of the run.',
      reasonTable(),
    ),
    'exit-codes.md': page('Exit codes', 'act on the exit code of each command', exitCodeTable()),
    'metrics.md': page(
      'Metrics',
      'query the metrics of runs and probes, and alert on them',
      '## Runs\n\nPushed after `gate`, `load` and `ab`, and written to `metrics.prom`.',
      metricTable(Object.fromEntries(metricNames.map((name) => [name, metrics[name].help]))),
      'Pushed in addition with `pushgateway.nativeHistograms`:',
      metricTable(runHistograms),
      '## Probes\n\nPushed after `vigil probe`, and served by `vigil probe --every --metrics-port`.',
      metricTable({ ...gauges, ...counters, ...histograms, ...schedulerGauges }),
    ),
    'cli.md': page('Command line', 'call each command with each of its options', ...(await commandTexts())),
  }
}

function readTypes(path: string): string {
  const text = readFileSync(new URL(path, import.meta.url), 'utf8')
  return text.slice(text.indexOf('/** Named steps')).trim()
}

function reasonTable(): string {
  const facts = {
    subject: 'the suite',
    url: 'the URL',
    repeat: () => 'the same command',
    measureMore: 'measure for longer, or more pairs',
  }
  const withFigures = 'the report names it with the figures of the run'
  const rows = Object.entries(reasons).map(([code, { means, verdict, next }]) =>
    [`\`${code}\``, means, verdict, String(exitCodes[verdict].code), next?.(facts) ?? withFigures]
      .map((text) => text.replaceAll('|', String.raw`\|`).replaceAll('<', '&lt;'))
      .join(' | '),
  )
  return [
    '| code | what happened | verdict | exit code | next step |',
    '|---|---|---|---|---|',
    ...rows.map((row) => `| ${row} |`),
  ].join('\n')
}

function exitCodeTable(): string {
  const rows = Object.values(exitCodes).map(({ code, means }) => `| ${code} | ${means} |`)
  return ['| code | means |', '|---|---|', ...rows].join('\n')
}

function metricTable(helps: Readonly<Record<string, string>>): string {
  const rows = Object.entries(helps).map(([name, help]) => `| \`${name}\` | ${toCell(help)} |`)
  return ['| metric | what it is |', '|---|---|', ...rows].join('\n')
}

const helpWidth = 100

async function commandTexts(): Promise<string[]> {
  const program = await describeCommands()
  return program.commands.map((command: Command) => {
    command.configureOutput({ getOutHelpWidth: () => helpWidth })
    const help = command.helpInformation().trim()
    return `## vigil ${command.name()}\n\n\`\`\`text\n${help}\n\`\`\``
  })
}

/** @param source the module with the schema, whose comments say what each field means */
function toTable(schema: Schema, source: string): string {
  return ['| field | value | meaning |', '|---|---|---|', ...toRows(schema, '', readComments(source))].join(
    '\n',
  )
}

/** The comments of fields, by name. One that two fields of a name have differently is ambiguous: left out. */
function readComments(source: string): Map<string, string> {
  const text = readFileSync(new URL(`../${source}`, import.meta.url), 'utf8')
  const comments = new Map<string, string>()
  for (const [, comment = '', name = ''] of text.matchAll(/\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*(\w+)\??:/g)) {
    const line = comment.replaceAll(/\s*\n\s*\*?\s*/g, ' ').trim()
    comments.set(name, comments.has(name) && comments.get(name) !== line ? '' : line)
  }
  return comments
}

function toRows(schema: Schema, path: string, comments: ReadonlyMap<string, string>): string[] {
  const rows = Object.entries(schema.properties ?? {}).flatMap(([name, value]) => {
    const isRequired = schema.required?.includes(name) === true
    const place = path === '' ? name : `${path}.${name}`
    const meaning = value.description ?? comments.get(name) ?? ''
    return [
      `| \`${place}${isRequired ? '' : '?'}\` | ${toCell(describeType(value))} | ${toCell(meaning)} |`,
      ...toRows(value, place, comments),
    ]
  })
  const { additionalProperties: any, items } = schema
  if (typeof any === 'object' && any.properties) rows.push(...toRows(any, `${path}.<name>`, comments))
  if (items?.properties) rows.push(...toRows(items, `${path}[]`, comments))
  return rows
}

function describeType(schema: Schema): string {
  if (schema.const !== undefined) return `\`${JSON.stringify(schema.const)}\``
  if (schema.enum) return schema.enum.map((value) => `\`${JSON.stringify(value)}\``).join(', ')
  const choices = schema.anyOf ?? schema.oneOf
  if (choices) return choices.map((choice) => describeType(choice)).join(' or ')
  if (schema.prefixItems) return `[${schema.prefixItems.map((item) => describeType(item)).join(', ')}]`
  if (schema.type === 'array') return `list of ${describeType(schema.items ?? {})}`
  if (schema.type === 'object')
    return typeof schema.additionalProperties === 'object' && schema.properties === undefined
      ? `object: name → ${describeType(schema.additionalProperties)}`
      : 'object'
  return `${schema.type ?? 'any'}${describeLimits(schema)}`
}

function describeLimits({ minimum, exclusiveMinimum, maximum }: Schema): string {
  const limits = [
    ...(minimum === undefined ? [] : [`≥ ${minimum}`]),
    ...(exclusiveMinimum === undefined ? [] : [`> ${exclusiveMinimum}`]),
    ...(maximum === undefined || maximum === Number.MAX_SAFE_INTEGER ? [] : [`≤ ${maximum}`]),
  ]
  return limits.length === 0 ? '' : ` ${limits.join(', ')}`
}

function toCell(text: string): string {
  return text.replaceAll('|', String.raw`\|`).replaceAll(/\s*\n\s*/g, ' ')
}

export function referenceFile(name: string): URL {
  return new URL(`../docs/reference/${name}`, import.meta.url)
}

if (import.meta.main)
  for (const [name, text] of Object.entries(await referencePages())) writeFileSync(referenceFile(name), text)
