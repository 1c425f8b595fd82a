import language from './language.json' with { type: 'json' }

/** A word of the project's old dialect, and the plain one that replaces it. */
export interface Replacement {
  pattern: RegExp
  say: string
}

/**
 * The words that CONTRIBUTING.md's glossary replaces, as far as a machine can find them. Identifiers count word by
 * word (`firstIssue` is `first issue`), so a name cannot bring one back either. `'nobody'` in quotes is the Unix
 * account.
 */
export const replacements: readonly Replacement[] = language.replacements.map(({ pattern, say }) => ({
  pattern: new RegExp(pattern, 'i'),
  say,
}))

/**
 * Help texts of pushed metrics. A Pushgateway refuses a push whose help differs from that of another group, so they
 * cannot be reworded.
 */
const { contracts } = language

export const longestLine = 110

/** A regular expression on a line of its own cannot be wrapped. */
const unbreakable = /^\s*\/.*\/[a-z]*,?$/

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
