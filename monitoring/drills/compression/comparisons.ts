import type { SyntaxNode } from '@lezer/common'
import { parser } from '@prometheus-io/lezer-promql'

/** One comparison of a rule: what is measured, and what it is held against, as `> 0.05`. */
export interface Comparison {
  measured: string
  expected: string
}

const comparing = new Set(['Gtr', 'Gte', 'Lss', 'Lte', 'Eql', 'Neq'])
const joining = new Set(['And', 'Or', 'Unless'])

/**
 * The comparisons a rule is made of, so that one that is not true can show its values: `a / b > 0.05 and c > 10` has two.
 * A rule without a comparison is measured as a whole.
 */
export function findComparisons(expression: string): Comparison[] {
  const top = parser.parse(expression).topNode.firstChild
  return top === null ? [] : inside(top, expression)
}

function inside(node: SyntaxNode, expression: string): Comparison[] {
  const text = (part: SyntaxNode): string => expression.slice(part.from, part.to)
  const left = node.firstChild
  const right = node.lastChild
  const operator = left?.nextSibling
  if (node.name === 'ParenExpr' && left) return inside(left, expression)
  if (node.name !== 'BinaryExpr' || !left || !right || !operator)
    return [{ measured: text(node), expected: 'to exist' }]
  if (joining.has(operator.name)) return [...inside(left, expression), ...inside(right, expression)]
  if (comparing.has(operator.name))
    return [{ measured: text(left), expected: `${text(operator)} ${text(right)}` }]
  return [{ measured: text(node), expected: 'to exist' }]
}
