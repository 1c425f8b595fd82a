import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { toAnchor, runbookFolder } from './rules.ts'

const documents = [
  ...readdirSync(runbookFolder).map((file) => join(runbookFolder, file)),
  join(runbookFolder, '../onboarding.md'),
]

/** The links and pictures of a Markdown file that stay in the repository. */
function linksIn(text: string): string[] {
  const prose = text.replaceAll(/```[\s\S]*?```/g, '')
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, link]) =>
    link === undefined || /^https?:/.test(link) ? [] : [link],
  )
}

function anchorsIn(file: string): Set<string> {
  return new Set(
    [...readFileSync(file, 'utf8').matchAll(/^#{1,6} (.+)$/gm)].map(([, title]) =>
      toAnchor((title ?? '').trim()),
    ),
  )
}

describe('what is read when something is wrong', () => {
  it.each(documents)('%s leads nowhere that does not exist', (file) => {
    const dead = linksIn(readFileSync(file, 'utf8')).filter((link) => {
      const [path = '', anchor] = link.split('#')
      const target = path === '' ? file : resolve(dirname(file), path)
      return !existsSync(target) || (anchor !== undefined && !anchorsIn(target).has(anchor))
    })
    expect(dead).toEqual([])
  })

  it('is all in the index', () => {
    const index = readFileSync(join(runbookFolder, 'README.md'), 'utf8')
    expect(
      readdirSync(runbookFolder).filter((file) => file !== 'README.md' && !index.includes(`](${file})`)),
    ).toEqual([])
  })
})
