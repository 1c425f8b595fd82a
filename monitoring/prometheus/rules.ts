import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { SyntaxNode } from '@lezer/common'
import { parser } from '@prometheus-io/lezer-promql'
import { parse } from 'yaml'
import { z } from 'zod'

const stringMap = z.record(z.string(), z.string())

const alertRule = z.strictObject({
  alert: z.string(),
  expr: z.string(),
  for: z.string().optional(),
  labels: stringMap,
  annotations: stringMap,
})

const recordingRule = z.strictObject({ record: z.string(), expr: z.string() })

const rulesFile = z.strictObject({
  groups: z.array(
    z.strictObject({
      name: z.string(),
      interval: z.string().optional(),
      rules: z.array(z.union([alertRule, recordingRule])),
    }),
  ),
})

export type AlertRule = z.infer<typeof alertRule>
export type RecordingRule = z.infer<typeof recordingRule>

export const rulesFolder = fileURLToPath(new URL('.', import.meta.url))

/** The rule files of `prometheus.yml`, in this folder. */
export const ruleFiles = ['alert_rules.yml', 'recording_rules.yml', 'meta_rules.yml'] as const

/** The rules of all files, in their order. Throws for a file that does not match the schema. */
export function readRules(): { alerts: AlertRule[]; records: RecordingRule[] } {
  const rules = ruleFiles.flatMap((name) =>
    rulesFile
      .parse(parse(readFileSync(join(rulesFolder, name), 'utf8')))
      .groups.flatMap((group) => group.rules),
  )
  return {
    alerts: rules.filter((rule) => 'alert' in rule),
    records: rules.filter((rule) => 'record' in rule),
  }
}

/** The names of the metrics in a PromQL expression. Throws for other texts. */
export function metricsIn(expression: string): string[] {
  const names = new Set<string>()
  parser.parse(expression).iterate({
    enter: ({ node, type, from }) => {
      if (type.isError) throw new Error(`expected PromQL at character ${from + 1}: ${expression}`)
      const name = node.name === 'VectorSelector' ? node.getChild('Identifier') : null
      if (name) names.add(expression.slice(name.from, name.to))
    },
  })
  return [...names]
}

/** A number in an expression: where it stands, as written, and the comparison that it is in. */
export interface Limit {
  from: number
  to: number
  text: string
  comparison: string
}

/**
 * The numbers that decide whether an expression is true: operands of comparisons and factors in them. Without
 * 0, which is no limit but a sign, and without numbers of functions, such as a quantile.
 */
export function limitsIn(expression: string): Limit[] {
  const limits: Limit[] = []
  parser.parse(expression).iterate({
    enter: ({ node, from, to }) => {
      if (node.name !== 'NumberDurationLiteral' || node.parent?.name !== 'BinaryExpr') return
      // A comparison with `==` is with a state.
      if (node.parent.getChild('Eql') !== null) return
      const text = expression.slice(from, to)
      if (!/^[\d.e]+$/.test(text) || Number(text) === 0) return
      let { parent } = node
      while (parent.parent !== null && !comparing.has(operatorOf(parent))) ({ parent } = parent)
      limits.push({ from, to, text, comparison: expression.slice(parent.from, parent.to) })
    },
  })
  return limits
}

const comparing = new Set(['Gtr', 'Gte', 'Lss', 'Lte', 'Neq'])

function operatorOf(node: SyntaxNode): string {
  return node.name === 'BinaryExpr' ? (node.firstChild?.nextSibling?.name ?? '') : ''
}

/**
 * The start of each `runbook_url`, followed by a file of `docs/runbooks/` and the section with the alert's
 * name.
 */
export const runbookBase = 'https://vigil.example.com/docs/runbooks/'

export const runbookFolder = fileURLToPath(new URL('../../docs/runbooks/', import.meta.url))

/** The text below a second-level heading of a Markdown file. */
export interface Section {
  file: string
  title: string
  text: string
}

/** A section is the text below `## …` up to the next one. A `##` in a code block is a comment of a shell. */
export function runbookSections(): Section[] {
  return readdirSync(runbookFolder)
    .filter((file) => file.endsWith('.md'))
    .flatMap((file) => parseSections(file, readFileSync(runbookFolder + file, 'utf8')))
}

function parseSections(file: string, text: string): Section[] {
  const sections: Section[] = []
  let fenced = false
  for (const line of text.split('\n')) {
    if (line.startsWith('```')) fenced = !fenced
    const last = sections.at(-1)
    if (!fenced && line.startsWith('## ')) sections.push({ file, title: line.slice(3).trim(), text: '' })
    else if (last) last.text += `${line}\n`
  }
  return sections
}

/** The anchor that GitHub and most other renderers give a heading. */
export function toAnchor(title: string): string {
  return title
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-')
}

/** The PromQL queries of a Markdown text: a line each, and lines that begin with a space continue one. */
export function queriesIn(text: string): string[] {
  return codeBlocks(text, 'promql').flatMap((code) => code.trim().split(/\n(?!\s)/))
}

/** The texts of the code blocks in one language. */
export function codeBlocks(text: string, language: string): string[] {
  return [...text.matchAll(/^ *```(\w+)\n([\s\S]*?)^ *```/gm)].flatMap(([, lang, code]) =>
    lang === language && code !== undefined ? [code] : [],
  )
}
