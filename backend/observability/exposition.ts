/**
 * The Prometheus text format (0.0.4) from OpenMetrics text: counters get their `_total` back in HELP and TYPE, exemplars
 * and the end mark go. The registry renames its counters when it writes OpenMetrics, so it is only ever asked for that.
 */
export function prometheusText(openMetrics: string): string {
  const counters = new Set([...openMetrics.matchAll(/^# TYPE (\S+) counter$/gm)].map((match) => match[1]))
  const lines = openMetrics.split('\n').flatMap((line) => {
    if (line === '# EOF') return []
    if (!line.startsWith('#')) return [line.split(' # {', 1)[0] ?? line]
    const [hash, keyword, name = '', ...rest] = line.split(' ')
    return [counters.has(name) ? [hash, keyword, `${name}_total`, ...rest].join(' ') : line]
  })
  return lines.join('\n')
}
