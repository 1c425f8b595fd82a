import { createHash } from 'node:crypto'

/*
 * Names of other programs (steps of k6 scripts and of browser specs) made fit for record keys, metric labels
 * and file names.
 */

const unnamed = 'unnamed'
const digestLength = 8

/** Eight characters that differ for different texts. */
function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, digestLength)
}

/**
 * A name of at most `maxCharacters` for texts that belong together, such as groups and a request. Letters,
 * digits and emoji of any script stay; whatever else becomes a hyphen. A name that was cut ends in a digest
 * of the whole text, and so does one of which nothing stays.
 */
export function fitName(texts: readonly string[], maxCharacters: number): string {
  const whole = texts.join('\0')
  const words = texts
    .map((text) =>
      text
        .replaceAll(/[^\p{L}\p{M}\p{N}\p{Extended_Pictographic}\p{Regional_Indicator}._-]+/gu, '-')
        .replaceAll(/^[-._]+|[-._]+$/g, ''),
    )
    .filter((word) => word !== '')
  const characters = [...words.join('.')]
  if (characters.length === 0) return whole.trim() === '' ? unnamed : addDigest(unnamed, whole, maxCharacters)
  return characters.length > maxCharacters
    ? addDigest(characters.join(''), whole, maxCharacters)
    : characters.join('')
}

function addDigest(name: string, whole: string, maxCharacters: number): string {
  const kept = [...name].slice(0, maxCharacters - digestLength - 1).join('')
  return `${kept}-${digest(whole)}`
}

/**
 * Creates a function like `fitName` that never gives one name to two texts: where only characters that became
 * hyphens differ, the later text's name ends in a digest too.
 */
export function createNameFitter(maxCharacters: number): (texts: readonly string[]) => string {
  const owners = new Map<string, string>()
  return (texts) => {
    const whole = texts.join('\0')
    const name = fitName(texts, maxCharacters)
    const owner = owners.get(name) ?? whole
    if (owner !== whole) return addDigest(name, whole, maxCharacters)
    owners.set(name, whole)
    return name
  }
}
