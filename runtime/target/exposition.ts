/** One sample of a Prometheus text exposition. */
export interface Sample {
  name: string
  labels: string
  value: number
}

/**
 * Reads the samples of the Prometheus text format (version 0.0.4, and OpenMetrics as far as samples go).
 * Comments, timestamps and exemplars are skipped, and so is any line that is not a sample: a target may write
 * anything.
 */
export function parseExposition(text: string): Sample[] {
  const samples: Sample[] = []
  for (const line of text.split('\n')) {
    const match = /^([a-zA-Z_:][\w:]*)(?:\{((?:[^"}]|"(?:[^"\\]|\\.)*")*)\})?[ \t]+(\S+)/.exec(line)
    const value =
      match?.[3] === undefined ? Number.NaN : Number(match[3].replace(/^([+-]?)Inf$/, '$1Infinity'))
    if (match?.[1] !== undefined && !Number.isNaN(value))
      samples.push({ name: match[1], labels: match[2] ?? '', value })
  }
  return samples
}

/** The sum of all series of a name; undefined when there is none, which differs from 0. */
export function sumOf(samples: readonly Sample[], name: string): number | undefined {
  const found = samples.filter((sample) => sample.name === name)
  return found.length === 0 ? undefined : found.reduce((sum, sample) => sum + sample.value, 0)
}
