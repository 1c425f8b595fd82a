/**
 * JSON for a file that people review: keys sorted, two spaces, and what is a list of plain values or of pairs of numbers (a histogram) on
 * one line. The same value always gives the same text, so that a diff shows what changed and nothing else.
 */
export function formatReviewedJson(value: unknown): string {
  return `${formatValue(value, '')}\n`
}

function formatValue(value: unknown, indent: string): string {
  if (Array.isArray(value)) return formatList(value, indent)
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null'
  const entries = Object.entries(value)
    .filter(([, inner]) => inner !== undefined)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
  if (entries.length === 0) return '{}'
  const inner = `${indent}  `
  return `{\n${entries.map(([key, each]) => `${inner}${JSON.stringify(key)}: ${formatValue(each, inner)}`).join(',\n')}\n${indent}}`
}

function formatList(values: readonly unknown[], indent: string): string {
  if (
    values.every(
      (value) =>
        typeof value !== 'object' ||
        value === null ||
        (Array.isArray(value) && value.every((each) => typeof each === 'number')),
    )
  )
    return JSON.stringify(values)
  const inner = `${indent}  `
  return `[\n${values.map((value) => inner + formatValue(value, inner)).join(',\n')}\n${indent}]`
}
