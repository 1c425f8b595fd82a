/**
 * What of a line GitHub would read as more than text: markup, HTML other than `<code>`, mentions, links,
 * references. An independent list of what the site is known to act on, not the writer's own; empty for a
 * line that is only text.
 */
export function structureOf(line: string): string[] {
  const text = line.replaceAll(/`[^`|]*`/g, '').replaceAll(/<\/?code>/g, '')
  const bare = text.replaceAll(/&#\d+;/g, '\ufffc')
  const decoded = decodedText(text)
  return [
    ...finds('a character with a meaning', bare, /[<>&`|[\]*_~\\$^{}()#@!:+=]/),
    ...finds(
      'a beginning with a meaning',
      bare,
      /^\s*(?:[-+*](?:\s|-|$)|\d+[.)](?:\s|$)|#{1,6}\s|>| {4}|\t)/,
    ),
    ...finds('a line end', text, /[\r\n]/),
    // The site looks for these in the finished page, when references are characters again.
    ...finds('a mention', decoded, /@[a-z0-9]/i),
    ...finds('a reference', decoded, /#\d|\bGH-\d/i),
    ...finds('an address', decoded, /\bwww\.[a-z0-9]|:\/\//i),
  ]
}

function finds(what: string, text: string, pattern: RegExp): string[] {
  const found = pattern.exec(text)?.[0]
  return found === undefined ? [] : [`${what}: ${JSON.stringify(found)}`]
}

/** A line as a person sees it. */
export function shown(line: string): string {
  return decodedText(line.replaceAll(/^`([^`]*)`$/g, '$1').replaceAll(/<\/?code>/g, '')).replaceAll(
    '\u200b',
    '',
  )
}

function decodedText(text: string): string {
  return text.replaceAll(/&#(\d+);/g, (_, digits: string) => String.fromCodePoint(Number(digits)))
}

/**
 * The cells of a table's row, split where GitHub splits: at every bar that has no backslash before it, in
 * code too.
 */
export function cellsOf(row: string): string[] {
  return row
    .trim()
    .replace(/^\|/, '')
    .replace(/(?<!\\)\|$/, '')
    .split(/(?<!\\)\|/)
}

/**
 * What is wrong with a whole report as GitHub would show it: tables that break, folds left open, text that
 * means something.
 */
export function documentProblems(document: string): string[] {
  const problems: string[] = []
  let folds = 0
  let columns: number | undefined
  for (const line of document.split('\n')) {
    if (line === '<details>') folds += 1
    if (line === '</details>') folds -= 1
    const cells = line.startsWith('|') ? cellsOf(line) : undefined
    const ruler = /^\|(?::?-+:?\|)+$/.test(line)
    if (cells && columns !== undefined && cells.length !== columns)
      problems.push(`${cells.length} cells of ${columns}: ${line}`)
    columns = cells?.length
    const texts = ruler ? [] : (cells ?? textsOf(line))
    problems.push(
      ...texts.flatMap((text) =>
        structureOf(text.trim().replace(/^\*\*(.*)\*\*$/, '$1')).map((problem) => `${problem} in: ${line}`),
      ),
    )
  }
  return folds === 0 ? problems : [...problems, `${folds} folds left open`]
}

const ours = [
  /^$/,
  /^<\/?details>$/,
  /^\*\*(?:Notes|What to do next)\*\*$/,
  /^_… and \d+ more [a-z ]+: see report\.html\._$/,
  /^_The rest did not fit into this report: see report\.html\._$/,
]
const withText = [
  /^## vigil (.*): [A-Z]+$/,
  /^### (.*): [A-Z]+$/,
  /^- (.*)$/,
  /^<summary>(?:facts of the run against )?(.*)<\/summary>$/,
  /^Nearest to its limit: (.*)$/,
  /^(.*)$/,
]

/** The parts of a line that came from outside; none when the line is the report's own. */
function textsOf(line: string): string[] {
  if (ours.some((form) => form.test(line))) return []
  return withText.map((form) => form.exec(line)?.slice(1)).find((texts) => texts !== undefined) ?? []
}
