import type { SyntaxNode } from '@lezer/common'

/**
 * What a number is, as far as it concerns time: a moment (seconds since 1970), an age (seconds between two moments), or
 * something else. PromQL has no such types, so they are worked out from functions, names and operators.
 */
type Kind = 'moment' | 'age' | 'other'

const momentFunctions = new Set([
  'Time',
  'Timestamp',
  'TsOfFirstOverTime',
  'TsOfLastOverTime',
  'TsOfMaxOverTime',
  'TsOfMinOverTime',
])
/** Functions that give back what they were given, for our question. */
const keeping = new Set([
  'MaxOverTime',
  'MinOverTime',
  'AvgOverTime',
  'LastOverTime',
  'FirstOverTime',
  'QuantileOverTime',
  'Abs',
  'Ceil',
  'Floor',
  'Round',
  'Scalar',
  'Vector',
  'Sort',
  'SortDesc',
  'ClampMin',
  'ClampMax',
  'LabelReplace',
  'LabelJoin',
])
const aggregating = new Set(['Max', 'Min', 'Avg', 'Sum', 'Quantile', 'Topk', 'Bottomk', 'Group'])
/** Prometheus' custom for gauges that hold a moment: `push_time_seconds`, `process_start_time_seconds`, `…_timestamp_seconds`. */
const momentNames = [
  '_timestamp_seconds',
  '_timestamp',
  'push_time_seconds',
  'push_failure_time_seconds',
  '_start_time_seconds',
  '_boot_time_seconds',
  'node_time_seconds',
  '_expiry',
]
const comparisons = new Set(['Gtr', 'Gte', 'Lss', 'Lte', 'Eql', 'Neq'])

/**
 * The plain numbers of an expression that are stretches of time in seconds: what an age is compared with or divided by
 * (`time() - push_time_seconds > 3600`), what is added to a moment, and how far `predict_linear` looks ahead. Of a
 * product such as `4 * 3600` one factor, since scaling both would scale twice.
 */
export function ageLiterals(top: SyntaxNode, expression: string): SyntaxNode[] {
  const found: SyntaxNode[] = []
  top.cursor().iterate(({ node }) => {
    if (node.name === 'BinaryExpr') found.push(...ofBinary(node, expression))
    if (node.name === 'FunctionCall' && functionOf(node) === 'PredictLinear')
      found.push(...literalsIn(argumentsOf(node)[1]))
  })
  return found
}

function ofBinary(node: SyntaxNode, expression: string): SyntaxNode[] {
  const { left, right, operator } = sides(node)
  if (left === undefined || right === undefined) return []
  const kinds = [kindOf(left, expression), kindOf(right, expression)]
  const timed =
    comparisons.has(operator) || operator === 'Div'
      ? kinds.includes('age')
      : (operator === 'Add' || operator === 'Sub') && kinds.some((kind) => kind !== 'other')
  if (!timed) return []
  return [left, right].filter((side) => kindOf(side, expression) === 'other').flatMap(literalsIn)
}

function kindOf(node: SyntaxNode, expression: string): Kind {
  switch (node.name) {
    case 'VectorSelector':
      return isMoment(
        expression.slice(node.from, node.firstChild?.name === 'Identifier' ? node.firstChild.to : node.from),
      )
        ? 'moment'
        : 'other'
    case 'FunctionCall': {
      const name = functionOf(node)
      if (momentFunctions.has(name)) return 'moment'
      return keeping.has(name) ? firstTimed(argumentsOf(node), expression) : 'other'
    }
    case 'AggregateExpr':
      return aggregating.has(node.firstChild?.firstChild?.name ?? '')
        ? firstTimed(expressionsIn(node.getChild('FunctionCallBody')), expression)
        : 'other'
    case 'BinaryExpr':
      return kindOfBinary(node, expression)
    case 'ParenExpr':
    case 'OffsetExpr':
    case 'StepInvariantExpr':
    case 'MatrixSelector':
    case 'SubqueryExpr':
    case 'UnaryExpr':
      return firstTimed(expressionsIn(node), expression)
    default:
      return 'other'
  }
}

function kindOfBinary(node: SyntaxNode, expression: string): Kind {
  const { left, right, operator } = sides(node)
  if (left === undefined || right === undefined) return 'other'
  const [a, b] = [kindOf(left, expression), kindOf(right, expression)]
  if (operator === 'Sub' && a === 'moment' && b === 'moment') return 'age'
  if (operator === 'Add' || operator === 'Sub')
    return a === 'moment' || b === 'moment' ? 'moment' : a === 'age' || b === 'age' ? 'age' : 'other'
  // A filter gives back its left side; and, or, unless as well.
  return operator === 'Div' || operator === 'Mul' || operator === 'Mod' || operator === 'Pow' ? 'other' : a
}

function firstTimed(nodes: readonly SyntaxNode[], expression: string): Kind {
  return nodes.map((node) => kindOf(node, expression)).find((kind) => kind !== 'other') ?? 'other'
}

// The largest factor is the one that turns a number into seconds; of a sum every part is time.
function literalsIn(node: SyntaxNode | undefined): SyntaxNode[] {
  if (node === undefined) return []
  if (node.name === 'NumberDurationLiteral') return [node]
  if (node.name === 'ParenExpr' || node.name === 'UnaryExpr') return expressionsIn(node).flatMap(literalsIn)
  if (node.name !== 'BinaryExpr') return []
  const { left, right, operator } = sides(node)
  if (operator === 'Mul') return literalsIn(right).length > 0 ? literalsIn(right) : literalsIn(left)
  if (operator === 'Div') return literalsIn(left)
  return operator === 'Add' || operator === 'Sub' ? [...literalsIn(left), ...literalsIn(right)] : []
}

function sides(node: SyntaxNode): {
  left: SyntaxNode | undefined
  right: SyntaxNode | undefined
  operator: string
} {
  const operator = node.firstChild?.nextSibling?.name ?? ''
  return { left: node.firstChild ?? undefined, right: node.lastChild ?? undefined, operator }
}

const expressionNames = new Set([
  'AggregateExpr',
  'BinaryExpr',
  'FunctionCall',
  'MatrixSelector',
  'NumberDurationLiteral',
  'OffsetExpr',
  'ParenExpr',
  'StringLiteral',
  'SubqueryExpr',
  'UnaryExpr',
  'VectorSelector',
  'StepInvariantExpr',
])

function expressionsIn(node: SyntaxNode | null): SyntaxNode[] {
  const found: SyntaxNode[] = []
  for (let child = node?.firstChild ?? null; child !== null; child = child.nextSibling)
    if (expressionNames.has(child.name)) found.push(child)
  return found
}

function argumentsOf(call: SyntaxNode): SyntaxNode[] {
  return expressionsIn(call.getChild('FunctionCallBody'))
}

function functionOf(call: SyntaxNode): string {
  return call.getChild('FunctionIdentifier')?.firstChild?.name ?? ''
}

function isMoment(name: string): boolean {
  return momentNames.some((ending) => name.endsWith(ending))
}
