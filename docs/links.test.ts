import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { lexer, walkTokens } from 'marked'
import type { Token } from 'marked'
import { expect, it } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))
const pages = execFileSync('git', ['ls-files', '*.md'], { cwd: root, encoding: 'utf8' }).trim().split('\n')

function tokensOf(page: string): Token[] {
  const found: Token[] = []
  void walkTokens(lexer(readFileSync(join(root, page), 'utf8')), (token) => {
    found.push(token)
  })
  return found
}

/** The anchors of a page as code hosts make them: of two headings `A b`, the second one has `a-b-1`. */
function anchorsOf(page: string): Set<string> {
  const anchors = new Set<string>()
  for (const token of tokensOf(page)) {
    if (token.type === 'html')
      for (const [, name = ''] of token.raw.matchAll(/<a (?:id|name)="([^"]+)"/g)) anchors.add(name)
    if (token.type !== 'heading') continue
    const words = String(token['text'])
      .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
    const slug = words.replaceAll(/[^\p{L}\p{N}\p{M}_ -]/gu, '').replaceAll(' ', '-')
    let anchor = slug
    for (let n = 1; anchors.has(anchor); n += 1) anchor = `${slug}-${n}`
    anchors.add(anchor)
  }
  return anchors
}

/** Why a link of a page leads nowhere; undefined for one that does, or that leaves the repository. */
function findDeadEnd(page: string, href: string): string | undefined {
  if (/^[a-z][a-z+.-]*:/i.test(href)) return undefined
  const [path = '', anchor] = decodeURI(href).split('#')
  const target = path === '' ? page : join(dirname(page), path)
  if (!existsSync(join(root, target))) return `${page}: ${href}: no file ${target}`
  if (anchor !== undefined && target.endsWith('.md') && !anchorsOf(target).has(anchor))
    return `${page}: ${href}: no heading of this name`
  return undefined
}

it('each link of a page of this repository leads to a file, and to a heading that is there', () => {
  const links = pages.flatMap((page) =>
    tokensOf(page)
      .filter(({ type }) => type === 'link' || type === 'image')
      .map((token) => ({ page, href: (token as { href: string }).href })),
  )
  expect(links.length).toBeGreaterThan(100)
  expect(links.flatMap(({ page, href }) => findDeadEnd(page, href) ?? [])).toEqual([])
})
