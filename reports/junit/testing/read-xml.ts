import { XMLParser } from 'fast-xml-parser'

/** An element as it was read: references resolved, children in order. */
export interface Element {
  name: string
  attributes: Record<string, string>
  children: Element[]
  text: string
}

const parser = new XMLParser({
  preserveOrder: true,
  ignoreAttributes: false,
  attributeNamePrefix: '',
  parseTagValue: false,
  parseAttributeValue: false,
  trimValues: false,
  htmlEntities: true,
})
const declaration = '<?xml version="1.0" encoding="UTF-8"?>\n'
// XML 1.0, production 2: the characters that a document may contain, also by reference.
const allowed = /^[\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]*$/u
const tag = /<\/?[A-Za-z_][\w.-]*(?:\s+[A-Za-z_][\w.-]*="[^"<]*")*\s*\/?>/g
const reference = /&(?:amp|lt|gt|quot|apos|#(\d+));|&/g

/**
 * Reads the XML 1.0 of a report. Throws where it is not well-formed, and for CDATA, comments and
 * instructions.
 */
export function readXml(document: string): Element {
  checkStrictly(document)
  const nodes: unknown = parser.parse(document, true)
  const root = toElement({ root: nodes, ':@': {} })
  // The first one is the declaration.
  const [, only, ...more] = root.children
  if (!only || more.length > 0 || root.text.trim() !== '') throw new Error('not exactly one element')
  return only
}

// fast-xml-parser accepts what a strict parser must refuse, so this is checked first.
function checkStrictly(document: string): void {
  if (!document.isWellFormed() || !allowed.test(document)) throw new Error('a character that XML 1.0 forbids')
  if (!document.startsWith(declaration)) throw new Error('no declaration')
  const texts = document.slice(declaration.length).replaceAll(tag, '\n')
  if (texts.includes('<')) throw new Error('no tag')
  if (texts.includes(']]>')) throw new Error(']]> in text')
  for (const [found, code] of document.matchAll(reference))
    if (found === '&' || (code !== undefined && !allowed.test(String.fromCodePoint(Number(code)))))
      throw new Error(`no reference: ${found}`)
  const outside = /^\s*<[^]*>\s*$/
  if (!outside.test(document.slice(declaration.length))) throw new Error('not exactly one element')
}

function toElement(node: unknown): Element {
  if (!isRecord(node)) throw new Error('no element')
  const name = Object.keys(node).find((key) => key !== ':@') ?? ''
  const attributes = isRecord(node[':@']) ? node[':@'] : {}
  const content: readonly unknown[] = Array.isArray(node[name]) ? node[name] : []
  const texts = content.map((child) => (isRecord(child) ? child['#text'] : undefined))
  return {
    name,
    attributes: Object.fromEntries(Object.entries(attributes).map(([key, value]) => [key, String(value)])),
    children: content.filter((_, index) => texts[index] === undefined).map(toElement),
    text: texts.filter((text) => typeof text === 'string').join(''),
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

/** Every element of a name below one, in document order. */
export function allOf({ children }: Element, name: string): Element[] {
  return children.flatMap((child) => [...(child.name === name ? [child] : []), ...allOf(child, name)])
}
