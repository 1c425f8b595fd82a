const ending = '-duet'

/** A duet's suite has a name of its own, so that its records are not taken for runs of the suite: they are of another load. */
export function duetName(suite: string): string {
  return `${suite}${ending}`
}

export function isDuet(name: string): boolean {
  return name.endsWith(ending)
}

/** The config's name of a duet's suite. */
export function suiteOf(name: string): string {
  return isDuet(name) ? name.slice(0, -ending.length) : name
}
