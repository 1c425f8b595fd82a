import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { findLanguageProblems } from './language.ts'

/**
 * Part of `npm run check`: prints each line of the repository's own text that uses a word which
 * CONTRIBUTING.md's glossary replaces, or is too long, and exits with 1 when there is one.
 */
const root = fileURLToPath(new URL('..', import.meta.url))

/** Texts of other authors, recorded data, and the two places that have to name the words. */
const excluded = /(^|\/)(fixtures|migrations|dashboards|node_modules)\/|^docs\/language|^CONTRIBUTING\.md$/

const paths = execFileSync('git', ['ls-files', '*.ts', '*.mjs', '*.md', '*.yml', '*.tmpl'], {
  cwd: root,
  encoding: 'utf8',
})
  .split('\n')
  .filter((path) => path !== '' && !excluded.test(path))

/** Holds journeys as text, one step a line. */
const codeAsText = /^journeys\/contract\.live\.test\.ts$/

let count = 0
for (const path of paths) {
  const text = readFileSync(`${root}/${path}`, 'utf8')
  for (const { line, found, say } of findLanguageProblems(text, {
    checkLength: /\.m?ts$|\.mjs$/.test(path) && !codeAsText.test(path),
  })) {
    count += 1
    process.stdout.write(`${path}:${line}: found '${found}', expected: ${say}\n`)
  }
}
process.stdout.write(
  count === 0
    ? `language: ${paths.length} files, no problems\n`
    : `language: ${count} problems; CONTRIBUTING.md has the glossary\n`,
)
process.exitCode = count === 0 ? 0 : 1
