/** A word of the project's old dialect, and the plain one that replaces it. */
export interface Replacement {
  pattern: RegExp
  say: string
}

/**
 * The words that CONTRIBUTING.md's glossary replaces, as far as a machine can find them. Identifiers count word by
 * word (`firstFlaw` is `first flaw`), so a name cannot bring one back either.
 */
export const replacements: readonly Replacement[] = [
  { pattern: /\b(tell|tells|told|telling)\b/i, say: 'report, print, show or return' },
  { pattern: /\b(hear|hears|heard|hearing)\b/i, say: 'receive or listen' },
  { pattern: /\bflaws?\b/i, say: 'invalid value, problem or issue' },
  { pattern: /\bmisused?\b/i, say: 'usage error' },
  { pattern: /\banew\b/i, say: 'again or newly created' },
  { pattern: /\b(held|hold|holds|holding) against\b/i, say: 'compare with or judge against' },
  // `'nobody'` in quotes is the Unix account.
  { pattern: /\b(whoever|somebody|(?<!')nobody)\b/i, say: 'anyone who, the caller, the user, no one' },
  { pattern: /\bbeside\b/i, say: 'next to, in addition to or while' },
  { pattern: /\bvouch(es|ed)? for\b/i, say: 'cannot rule out a change below X %' },
  {
    pattern: /\b(so|as) (long|many|often) (as|of)\b.*\b(so|as) (long|many|often)\b/i,
    say: 'a number with its unit',
  },
  { pattern: /\bfor so (long|many)\b|\bso often\b/i, say: 'for the configured time' },
  { pattern: /\bdear\b/i, say: 'expensive or costly' },
  { pattern: /\bstep(s|ped)? (back|forward)\b/i, say: 'lower or restore process priority' },
  { pattern: /\b(troupe|breathless|casualties)\b/i, say: 'a noun of the field: worker, fixture, context' },
  { pattern: /\bown script\b/i, say: 'user script' },
  { pattern: /\bat once\b/i, say: 'immediately, or at the same time' },
  { pattern: /\bby hand\b/i, say: 'manually' },
]

/**
 * Help texts of pushed metrics. A Pushgateway refuses a push whose help differs from that of another group, so they
 * cannot be reworded.
 */
const contracts = [
  'starts anew with each run',
  'the latest run was held against',
  'did not come to an end although they were told to',
]

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

// `firstFlaw` and `FIRST_FLAW` are two words; a URL or a hash stays as it is.
function splitIdentifiers(line: string): string {
  return line.replaceAll(/([a-z])([A-Z])/g, '$1 $2').replaceAll('_', ' ')
}
