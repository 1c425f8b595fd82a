import { readFileSync, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** Where `runbook_url` of an alert points: this, a file of `docs/runbooks/`, and the section named like the alert. */
export const runbookBase = 'https://vigil.example.com/docs/runbooks/'

export const runbookFolder = fileURLToPath(new URL('../../docs/runbooks/', import.meta.url))

/** A part of a Markdown file below a heading of the second level. */
export interface Section {
  file: string
  title: string
  text: string
}

/** Sections are what stands below `## …`, up to the next; a `##` inside a code block is a comment of a shell. */
export function runbookSections(): Section[] {
  return readdirSync(runbookFolder)
    .filter((file) => file.endsWith('.md'))
    .flatMap((file) => sectionsOf(file, readFileSync(runbookFolder + file, 'utf8')))
}

function sectionsOf(file: string, text: string): Section[] {
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

/** What GitHub and most others make of a heading. */
export function anchorOf(title: string): string {
  return title
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-')
}

/** The texts of the code blocks in one language. */
export function codeBlocks(text: string, language: string): string[] {
  return [...text.matchAll(/^```(\w+)\n([\s\S]*?)^```/gm)].flatMap(([, lang, code]) =>
    lang === language && code !== undefined ? [code] : [],
  )
}
