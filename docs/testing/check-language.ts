import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import language from '../language.json' with { type: 'json' }

/** A word of the project's old dialect, and the plain one that replaces it. */
export interface Replacement {
  pattern: RegExp
  say: string
}

/**
 * The words that CONTRIBUTING.md's glossary replaces, as far as a machine can find them. Identifiers count
 * word by word (`firstIssue` is `first issue`), so a name cannot bring one back either. `'nobody'` in quotes
 * is the Unix account.
 */
export const replacements: readonly Replacement[] = language.replacements.map(({ pattern, say }) => ({
  pattern: new RegExp(pattern, 'i'),
  say,
}))

/**
 * Help texts of pushed metrics. A Pushgateway refuses a push whose help differs from that of another group,
 * so they cannot be reworded.
 */
const { contracts } = language

export const longestLine = 110

/** A regular expression on a line of its own cannot be wrapped. */
const unbreakable = /^\s*\/(?!\*).*\/[a-z]*,?$/

/** A line that has to be reworded or wrapped. */
export interface LanguageProblem {
  line: number
  found: string
  say: string
}

/** Finds words of the old dialect in a text and, when `checkLength`, lines longer than 110 characters. */
export function findLanguageProblems(
  text: string,
  { checkLength }: { checkLength: boolean },
): LanguageProblem[] {
  return text.split(/\r?\n/).flatMap((content, index) => {
    const line = index + 1
    const words = splitIdentifiers(contracts.reduce((rest, fixed) => rest.replace(fixed, ''), content))
    const problems = replacements.flatMap(({ pattern, say }) => {
      const found = pattern.exec(words)?.[0]
      return found === undefined ? [] : [{ line, found, say }]
    })
    if (checkLength && content.length > longestLine && !unbreakable.test(content))
      problems.push({ line, found: `${content.length} characters`, say: `at most ${longestLine}` })
    return problems
  })
}

// `firstIssue` and `FIRST_ISSUE` are two words; a URL or a hash stays as it is.
function splitIdentifiers(line: string): string {
  return line.replaceAll(/([a-z])([A-Z])/g, '$1 $2').replaceAll('_', ' ')
}

const root = fileURLToPath(new URL('../..', import.meta.url))

/** Texts of other authors, recorded data, and the two places that have to name the words. */
const excluded =
  /(^|\/)(fixtures|migrations|dashboards|node_modules)\/|^docs\/(testing\/check-)?language|^CONTRIBUTING\.md$/

/** Holds journeys as text, one step a line. */
const codeAsText = /^journeys\/contract\.live\.test\.ts$/

/**
 * Part of `npm run check`: prints each line of the repository's own text that uses a word which
 * CONTRIBUTING.md's glossary replaces, or is too long, and exits with 1 when there is one.
 */
function checkRepository(): void {
  const paths = execFileSync('git', ['ls-files', '*.ts', '*.mjs', '*.md', '*.yml', '*.tmpl'], {
    cwd: root,
    encoding: 'utf8',
  })
    .split('\n')
    .filter((path) => path !== '' && !excluded.test(path))
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
}

if (import.meta.main) checkRepository()
