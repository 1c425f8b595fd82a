/** An element as it was read: references resolved, children in order. */
export interface Element {
  name: string
  attributes: Record<string, string>
  children: Element[]
  text: string
}

// XML 1.0, production 2: what a document may hold at all, also by reference.
const allowed = /^[\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]*$/u
const tag =
  /<(?:(?<close>\/)?(?<name>[A-Za-z_][\w.-]*)(?<attributes>(?:\s+[A-Za-z_][\w.-]*="[^"<]*")*)\s*(?<empty>\/)?)>/y
const attribute = /\s+([A-Za-z_][\w.-]*)="([^"<]*)"/g
const named: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }

/**
 * Reads the XML 1.0 a report may be made of (a declaration, elements, attributes, text, references) and
 * throws where it is not well-formed: forbidden characters, stray markup, unknown references, an attribute
 * twice, tags that do not match. Anything cleverer (a doctype, CDATA, comments, instructions) does not
 * belong into a report and is refused too.
 */
export function readXml(document: string): Element {
  if (!document.isWellFormed() || !allowed.test(document)) throw new Error('a character that XML 1.0 forbids')
  const declaration = '<?xml version="1.0" encoding="UTF-8"?>\n'
  if (!document.startsWith(declaration)) throw new Error('no declaration')
  const root: Element = { name: '', attributes: {}, children: [], text: '' }
  const path = [root]
  for (let at = declaration.length; at < document.length;) {
    const current = path.at(-1) ?? root
    if (document[at] !== '<') {
      const end = document.indexOf('<', at)
      const text = document.slice(at, end < 0 ? undefined : end)
      if (text.includes(']]>')) throw new Error(']]> in text')
      current.text += resolved(text)
      at += text.length
      continue
    }
    tag.lastIndex = at
    const found = tag.exec(document)?.groups
    if (!found) throw new Error(`no tag: ${document.slice(at, at + 80)}`)
    at = tag.lastIndex
    if (found['close'] !== undefined) {
      if (path.length < 2 || current.name !== found['name'] || found['attributes'] !== '')
        throw new Error(`</${found['name']}> closes <${current.name}>`)
      path.pop()
    } else {
      const element = {
        name: found['name'] ?? '',
        attributes: attributesOf(found['attributes'] ?? ''),
        children: [],
        text: '',
      }
      current.children.push(element)
      if (found['empty'] === undefined) path.push(element)
    }
  }
  const [only, ...more] = root.children
  if (path.length !== 1 || !only || more.length > 0 || root.text.trim() !== '')
    throw new Error('not one whole element')
  return only
}

function attributesOf(text: string): Record<string, string> {
  const pairs = [...text.matchAll(attribute)].map(([, name = '', value = '']): [string, string] => [
    name,
    resolved(value.replaceAll(/[\t\n\r]/g, ' ')),
  ])
  if (new Set(pairs.map(([name]) => name)).size < pairs.length) throw new Error(`an attribute twice: ${text}`)
  return Object.fromEntries(pairs)
}

function resolved(text: string): string {
  return text.replaceAll(/&([^;&]*;?)/g, (whole, reference: string) => {
    const name = reference.slice(0, -1)
    const code = /^#(\d+)$/.exec(name)?.[1]
    const character = code === undefined ? named[name] : String.fromCodePoint(Number(code))
    if (!reference.endsWith(';') || character === undefined || !allowed.test(character))
      throw new Error(`no reference: ${whole}`)
    return character
  })
}

/** Every element of a name below one, in document order. */
export function allOf({ children }: Element, name: string): Element[] {
  return children.flatMap((child) => [...(child.name === name ? [child] : []), ...allOf(child, name)])
}
