const segmenter = new Intl.Segmenter('en', { granularity: 'grapheme' })
// Scripts that terminals draw two columns wide (East Asian Wide and Fullwidth, UAX #11), and pictographs.
const wide =
  /[\u1100-\u115f\u2329\u232a\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe10-\ufe19\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{16fe0}-\u{18d8f}\u{1aff0}-\u{1b2ff}\u{1f200}-\u{1f265}\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}/u
// Drawn onto the character before: marks, skin tones, the vowels and ends of Korean syllables.
const joining = /[\p{Mn}\p{Me}\p{Emoji_Modifier}\u1160-\u11ff\ud7b0-\ud7fb]/u
const flagHalf = /\p{Regional_Indicator}/u
// Asks for the coloured, wide form of a character that is narrow otherwise.
const asEmoji = '\ufe0f'

/** How many columns a terminal gives to a text without control characters; where terminals differ, the most. */
export function widthOf(text: string): number {
  if (/^[ -~]*$/.test(text)) return text.length
  let width = 0
  for (const { segment } of segmenter.segment(text)) width += columnsOf(segment)
  return width
}

// Not one or two for each grapheme: terminals add up its characters, and a cluster of many (क्ष, ᄀᄀ) is drawn that wide.
function columnsOf(segment: string): number {
  const least = wide.test(segment) || segment.includes(asEmoji) ? 2 : 1
  const drawn = [...segment].reduce(
    (sum, character) =>
      sum + (joining.test(character) ? 0 : !flagHalf.test(character) && wide.test(character) ? 2 : 1),
    0,
  )
  return Math.max(least, drawn)
}

/** The text in at most `width` columns; what is cut is shown by an ellipsis. */
export function clip(text: string, width: number): string {
  if (widthOf(text) <= width) return text
  let kept = ''
  let used = 0
  for (const { segment } of segmenter.segment(text)) {
    const columns = widthOf(segment)
    if (used + columns > width - 1) break
    kept += segment
    used += columns
  }
  return width > 0 ? `${kept}…` : ''
}

export function padEnd(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - widthOf(text)))
}

export function padStart(text: string, width: number): string {
  return ' '.repeat(Math.max(0, width - widthOf(text))) + text
}

/** The text as lines of at most `width` columns, broken at spaces where there are any. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ').flatMap((part) => pieces(part, width))) {
    if (line !== '' && widthOf(line) + 1 + widthOf(word) > width) {
      lines.push(line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return line === '' ? lines : [...lines, line]
}

// A word longer than the line (a URL, a hash) is cut into pieces: lines never overflow, whatever is in them.
function pieces(word: string, width: number): string[] {
  if (widthOf(word) <= width) return [word]
  const parts = ['']
  for (const { segment } of segmenter.segment(word)) {
    const last = parts.at(-1) ?? ''
    if (widthOf(last) + widthOf(segment) > width) parts.push(segment)
    else parts[parts.length - 1] = last + segment
  }
  return parts
}
