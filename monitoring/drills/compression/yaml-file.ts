import { isMap, isScalar, isSeq, parseDocument } from 'yaml'
import type { Document, Scalar, YAMLMap } from 'yaml'

/** A YAML file with its comments, or why it is none: one line with the place. */
export type YamlFile = { state: 'read'; document: Document.Parsed } | { state: 'refused'; reason: string }

export function readYaml(text: string, file: string): YamlFile {
  const document = parseDocument(text)
  const [flaw] = document.errors
  if (flaw === undefined) return { state: 'read', document }
  return { state: 'refused', reason: `${file}: ${flaw.message.split('\n')[0] ?? 'no YAML'}` }
}

/** The maps in a list, or in one below a key; none when there is no list. */
export function mapsIn(parent: unknown, key: string): YAMLMap[] {
  const list = isMap(parent) ? parent.get(key, true) : undefined
  return isSeq(list) ? list.items.filter((item) => isMap(item)) : []
}

export function mapIn(parent: unknown, key: string): YAMLMap | undefined {
  const value = isMap(parent) ? parent.get(key, true) : undefined
  return isMap(value) ? value : undefined
}

export function scalarIn(parent: unknown, key: string): Scalar | undefined {
  const value = isMap(parent) ? parent.get(key, true) : undefined
  return isScalar(value) ? value : undefined
}

export function textIn(parent: unknown, key: string): string | undefined {
  const value = scalarIn(parent, key)?.value
  return typeof value === 'string' ? value : undefined
}
