import { isMap, isScalar, isSeq, parseDocument, visit } from 'yaml'
import type { Document, Scalar, YAMLMap } from 'yaml'

/** A YAML document with its comments, or in one line why it is not YAML. */
export type YamlResult = { state: 'ok'; document: Document.Parsed } | { state: 'invalid'; reason: string }

export function readYaml(text: string, file: string): YamlResult {
  const document = parseDocument(text)
  const [error] = document.errors
  return error === undefined
    ? { state: 'ok', document }
    : { state: 'invalid', reason: `${file}: ${error.message.split('\n')[0] ?? 'not YAML'}` }
}

/** The maps in the list below a key; none when there is no list. */
export function mapsIn(parent: unknown, key: string): YAMLMap[] {
  const list = isMap(parent) ? parent.get(key, true) : undefined
  return isSeq(list) ? list.items.filter((item) => isMap(item)) : []
}

/** The texts in the list below a key, as nodes that can be changed. */
export function textsIn(parent: unknown, key: string): Scalar<string>[] {
  const list = isMap(parent) ? parent.get(key, true) : undefined
  return isSeq(list) ? list.items.filter((item): item is Scalar<string> => isText(item)) : []
}

export function textAt(parent: unknown, key: string): Scalar<string> | undefined {
  const value = isMap(parent) ? parent.get(key, true) : undefined
  return isText(value) ? value : undefined
}

/** Every text whose key ends in `ending`, at any depth. */
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
