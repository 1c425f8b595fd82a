import { closest, distance } from 'fastest-levenshtein'

/** ` (did you mean X?)` when a known name is close enough to be what was meant, else the names there are. */
export function nearest(found: string, known: readonly string[]): string {
  if (known.length === 0) return ''
  const candidate = closest(found, known)
  if (distance(found.toLowerCase(), candidate.toLowerCase()) <= Math.max(2, Math.floor(found.length / 3)))
    return ` (did you mean ${candidate}?)`
  return ` (there are: ${known.slice(0, 12).join(', ')}${known.length > 12 ? ', …' : ''})`
}
