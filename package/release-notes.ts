import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { z } from 'zod'

/** The notes of a version, or why it cannot be released. */
export type ReleaseNotes = { state: 'ok'; notes: string } | { state: 'invalid'; problem: string }

/**
 * The section of a version in the changelog. A release needs a tag that is the version of package.json, and a
 * section that says what the version changed.
 */
export function readReleaseNotes(changelog: string, version: string, tag: string): ReleaseNotes {
  if (tag !== `v${version}`)
    return {
      state: 'invalid',
      problem: `package.json: version: found ${version}, expected the tag's ${tag}`,
    }
  const lines = changelog.split('\n')
  const heading = `## ${version}`
  const start = lines.findIndex((line) => line === heading || line.startsWith(`${heading} `))
  if (start < 0)
    return {
      state: 'invalid',
      problem: `CHANGELOG.md: found no section '${heading}', expected one: rename '## Unreleased'`,
    }
  const rest = lines.slice(start + 1)
  const end = rest.findIndex((line) => line.startsWith('## '))
  const notes = (end < 0 ? rest : rest.slice(0, end)).join('\n').trim()
  return notes === ''
    ? { state: 'invalid', problem: `CHANGELOG.md: ## ${version}: found nothing, expected what it changed` }
    : { state: 'ok', notes }
}

function read(name: string): string {
  return readFileSync(new URL(`../${name}`, import.meta.url), 'utf8')
}

if (import.meta.main) {
  const { positionals } = parseArgs({ allowPositionals: true })
  const { version } = z.object({ version: z.string() }).parse(JSON.parse(read('package.json')))
  const found = readReleaseNotes(read('CHANGELOG.md'), version, positionals[0] ?? '')
  if (found.state === 'ok') process.stdout.write(`${found.notes}\n`)
  else {
    process.stderr.write(`${found.problem}\n`)
    process.exitCode = 2
  }
}
