import { createHash } from 'node:crypto'

/**
 * Code points that a line must not hold, as [first, last]. Controls and line separators of C0 and C1, so no
 * terminal escape sequence survives; direction marks and invisible characters (Unicode category Cf), which
 * make a line read other than it is; lone surrogates; private tags; and the two noncharacters that XML 1.0
 * refuses. A table and not `\p{Cf}`, because k6's JavaScript runtime reads `\p` as the letter p; a test
 * compares it with Unicode's own categories.
 */
const unprintable: readonly (readonly [number, number])[] = [
  [0x00, 0x1f],
  [0x7f, 0x9f],
  [0xad, 0xad],
  [0x600, 0x605],
  [0x61c, 0x61c],
  [0x6dd, 0x6dd],
  [0x70f, 0x70f],
  [0x890, 0x891],
  [0x8e2, 0x8e2],
  [0x180e, 0x180e],
  [0x200b, 0x200f],
  [0x2028, 0x202e],
  [0x2060, 0x2064],
  [0x2066, 0x206f],
  [0xd800, 0xdfff],
  [0xfeff, 0xfeff],
  [0xfff9, 0xfffb],
  [0xfffe, 0xffff],
  [0x110bd, 0x110bd],
  [0x110cd, 0x110cd],
  [0x13430, 0x1343f],
  [0x1bca0, 0x1bca3],
  [0x1d173, 0x1d17a],
  [0xe0000, 0xe0fff],
]
const lineBreaks = '\t\n\r\u2028\u2029'

/** Whether a character (one code point) must not be printed: see the table above. */
export function isUnprintable(character: string): boolean {
  const code = character.codePointAt(0) ?? 0
  if (code >= 0x20 && code < 0x7f) return false
  return unprintable.some(([first, last]) => code >= first && code <= last)
}

/**
 * Text from outside as one harmless line of at most `maxCharacters`: no control, direction or invisible
 * characters, no lone surrogates; an ellipsis shows that it was cut. `replacement` is put for each character
 * that is not printed: a blank (several become one), or U+FFFD where the reader should see that something was
 * there. Line breaks always become one blank.
 */
export function toOneLine(text: string, maxCharacters = 200, replacement: ' ' | '\ufffd' = ' '): string {
  // Cut before and after: a hostile text of a megabyte is not processed as a whole.
  const bounded = text.slice(0, maxCharacters * 4)
  let line = ''
  for (const character of bounded) {
    if (!isUnprintable(character)) line += character
    else if (replacement !== ' ' && !lineBreaks.includes(character)) line += replacement
    else if (!line.endsWith(' ')) line += ' '
  }
  const characters = [...line.trim()]
  const isCut = characters.length > maxCharacters || bounded.length < text.length
  return isCut ? `${characters.slice(0, maxCharacters - 1).join('')}…` : characters.join('')
}

/**
 * A URL without its parts that may be secret: user, password, query and fragment. Text that is not a web
 * address stays as it is written, without the same parts.
 */
export function toPublicUrl(url: string): string {
  const parsed = URL.parse(url)
  // A password may contain what ends a host or begins a query, so everything up to the last @ goes first.
  if (parsed?.protocol !== 'http:' && parsed?.protocol !== 'https:') {
    const text = url.replace(/^([a-z][a-z0-9+.-]*:\/\/)?.*@/is, '$1').replace(/[?#].*$/s, '')
    return toOneLine(text, 300, '\ufffd')
  }
  const path = parsed.pathname === '/' ? '' : parsed.pathname
  return toOneLine(`${parsed.protocol}//${parsed.host}${path}`, 300, '\ufffd')
}

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
