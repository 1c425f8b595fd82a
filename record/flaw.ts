/** What a schema says of a value that it refuses, as zod tells it. */
export interface Refusal {
  issues: readonly { path: readonly PropertyKey[]; message: string }[]
}

/** The first thing that is wrong, `path: what`, in one line. The keys of the path may be anybody's: those that are no names are quoted. */
export function firstFlaw({ issues: [issue] }: Refusal): string {
  return issue === undefined
    ? '(top level): not as described'
    : `${placeOf(issue.path)}: ${firstLine(issue.message)}`
}

function placeOf(path: readonly PropertyKey[]): string {
  if (path.length === 0) return '(top level)'
  return path
    .map((key, index) =>
      typeof key === 'string' && /^[A-Za-z_$][\w$]*$/.test(key)
        ? `${index === 0 ? '' : '.'}${key}`
        : `[${JSON.stringify(key)}]`,
    )
    .join('')
}

function firstLine(text: string): string {
  return text.split('\n')[0]?.slice(0, 300) ?? ''
}
