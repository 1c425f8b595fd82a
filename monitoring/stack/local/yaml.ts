import { isMap, isScalar, isSeq, parseDocument, visit } from 'yaml'
import type { Document, Scalar, YAMLMap } from 'yaml'

/** A YAML file with its comments, or in one line why it is none. */
export type ReadYaml = { state: 'read'; document: Document.Parsed } | { state: 'refused'; reason: string }

export function readYaml(text: string, file: string): ReadYaml {
  const document = parseDocument(text)
  const [flaw] = document.errors
  return flaw === undefined
    ? { state: 'read', document }
    : { state: 'refused', reason: `${file}: ${flaw.message.split('\n')[0] ?? 'no YAML'}` }
}

/** The maps in the list below a key; none when there is no list. */
export function mapsIn(parent: unknown, key: string): YAMLMap[] {
  const list = isMap(parent) ? parent.get(key, true) : undefined
  return isSeq(list) ? list.items.filter((item) => isMap(item)) : []
}

/** The texts in the list below a key, each to be written over. */
export function textsIn(parent: unknown, key: string): Scalar<string>[] {
  const list = isMap(parent) ? parent.get(key, true) : undefined
  return isSeq(list) ? list.items.filter((item): item is Scalar<string> => isText(item)) : []
}

export function textAt(parent: unknown, key: string): Scalar<string> | undefined {
  const value = isMap(parent) ? parent.get(key, true) : undefined
  return isText(value) ? value : undefined
}

/** Every text below a key that ends in `ending`, wherever it stands. */
export function textsUnder(document: Document, ending: string): { key: string; value: Scalar<string> }[] {
  const found: { key: string; value: Scalar<string> }[] = []
  visit(document, {
    Pair: (_, { key, value }) => {
      if (isText(key) && key.value.endsWith(ending) && isText(value)) found.push({ key: key.value, value })
    },
  })
  return found
}

function isText(node: unknown): node is Scalar<string> {
  return isScalar(node) && typeof node.value === 'string'
}
