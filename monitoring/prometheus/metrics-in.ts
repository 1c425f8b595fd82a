import { parser } from '@prometheus-io/lezer-promql'

/** The names of the metrics that a PromQL expression reads. Throws where it is none. */
export function metricsIn(expression: string): string[] {
  const names = new Set<string>()
  parser.parse(expression).iterate({
    enter: ({ node, type, from }) => {
      if (type.isError) throw new Error(`no PromQL at character ${from + 1}: ${expression}`)
      const name = node.name === 'VectorSelector' ? node.getChild('Identifier') : null
      if (name) names.add(expression.slice(name.from, name.to))
    },
  })
  return [...names]
}
