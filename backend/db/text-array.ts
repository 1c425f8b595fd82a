/**
 * PostgreSQL's text form of a one-dimensional `text[]` without nulls (https://www.postgresql.org/docs/18/arrays.html#ARRAYS-IO).
 * Ours, because the query builder's own reader drops every backslash.
 */
export function parseTextArray(text: string): string[] {
  const elements: string[] = []
  for (const [, quoted, plain] of text.slice(1, -1).matchAll(/"((?:[^"\\]|\\.)*)"|([^,]+)/gs)) {
    elements.push(quoted === undefined ? (plain ?? '') : quoted.replaceAll(/\\(.)/gs, '$1'))
  }
  return elements
}

export function formatTextArray(elements: readonly string[]): string {
  return `{${elements.map((element) => `"${element.replaceAll(/["\\]/g, String.raw`\$&`)}"`).join(',')}}`
}
