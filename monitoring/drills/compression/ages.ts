import type { SyntaxNode } from '@lezer/common'

/**
 * The kind of a number: a timestamp (seconds since 1970), an age (seconds between two timestamps), or another
 * number.
 * PromQL has no such types, so they are derived from functions, names and operators.
 */
type Kind = 'timestamp' | 'age' | 'other'

const timestampFunctions = new Set([
  'Time',
  'Timestamp',
  'TsOfFirstOverTime',
  'TsOfLastOverTime',
  'TsOfMaxOverTime',
  'TsOfMinOverTime',
])
/** Functions whose result has the kind of their argument. */
const sameKindFunctions = new Set([
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
const sameKindAggregations = new Set(['Max', 'Min', 'Avg', 'Sum', 'Quantile', 'Topk', 'Bottomk', 'Group'])
/** Prometheus' convention for the names of gauges that are timestamps. */
const timestampNames = [
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
 * The plain numbers of an expression that are durations in seconds: a number that an age is compared with or
 * divided by
 * (`time() - push_time_seconds > 3600`), a number added to a timestamp, and how far `predict_linear`
 * predicts. Of a
 * product such as `4 * 3600` only one factor, because scaling both would scale twice.
 */
export function ageLiterals(top: SyntaxNode, expression: string): SyntaxNode[] {
  const found: SyntaxNode[] = []
  top.cursor().iterate(({ node }) => {
    if (node.name === 'BinaryExpr') found.push(...literalsOfBinary(node, expression))
    if (node.name === 'FunctionCall' && functionOf(node) === 'PredictLinear')
      found.push(...literalsIn(argumentsOf(node)[1]))
  })
  return found
}

function literalsOfBinary(node: SyntaxNode, expression: string): SyntaxNode[] {
  const { left, right, operator } = sides(node)
  if (left === undefined || right === undefined) return []
  const kinds = [kindOf(left, expression), kindOf(right, expression)]
  const isTime =
    comparisons.has(operator) || operator === 'Div'
      ? kinds.includes('age')
      : (operator === 'Add' || operator === 'Sub') && kinds.some((kind) => kind !== 'other')
  if (!isTime) return []
  return [left, right].filter((side) => kindOf(side, expression) === 'other').flatMap(literalsIn)
}

function kindOf(node: SyntaxNode, expression: string): Kind {
  switch (node.name) {
    case 'VectorSelector':
      return isTimestampName(
        expression.slice(node.from, node.firstChild?.name === 'Identifier' ? node.firstChild.to : node.from),
      )
        ? 'timestamp'
        : 'other'
    case 'FunctionCall': {
      const name = functionOf(node)
      if (timestampFunctions.has(name)) return 'timestamp'
      return sameKindFunctions.has(name) ? firstTimeKind(argumentsOf(node), expression) : 'other'
    }
    case 'AggregateExpr':
      return sameKindAggregations.has(node.firstChild?.firstChild?.name ?? '')
        ? firstTimeKind(expressionsIn(node.getChild('FunctionCallBody')), expression)
        : 'other'
    case 'BinaryExpr':
      return kindOfBinary(node, expression)
    case 'ParenExpr':
    case 'OffsetExpr':
    case 'StepInvariantExpr':
    case 'MatrixSelector':
    case 'SubqueryExpr':
    case 'UnaryExpr':
      return firstTimeKind(expressionsIn(node), expression)
    default:
      return 'other'
  }
}

function kindOfBinary(node: SyntaxNode, expression: string): Kind {
  const { left, right, operator } = sides(node)
  if (left === undefined || right === undefined) return 'other'
  const [a, b] = [kindOf(left, expression), kindOf(right, expression)]
  if (operator === 'Sub' && isClockOffset(left, right, expression)) return 'other'
  if (operator === 'Sub' && a === 'timestamp' && b === 'timestamp') return 'age'
  if (operator === 'Add' || operator === 'Sub')
    return a === 'timestamp' || b === 'timestamp' ? 'timestamp' : a === 'age' || b === 'age' ? 'age' : 'other'
  // A filter returns its left side, and so do and, or and unless.
  return operator === 'Div' || operator === 'Mul' || operator === 'Mod' || operator === 'Pow' ? 'other' : a
}

/** `x - timestamp(x)`: how far a clock is ahead of Prometheus'. No clock makes it smaller. */
function isClockOffset(reading: SyntaxNode, scrape: SyntaxNode, expression: string): boolean {
  if (scrape.name !== 'FunctionCall' || functionOf(scrape) !== 'Timestamp') return false
  const [scraped] = argumentsOf(scrape)
  const textOf = ({ from, to }: SyntaxNode): string => expression.slice(from, to)
  return scraped !== undefined && textOf(scraped) === textOf(reading)
}

function firstTimeKind(nodes: readonly SyntaxNode[], expression: string): Kind {
  return nodes.map((node) => kindOf(node, expression)).find((kind) => kind !== 'other') ?? 'other'
}

// The last factor converts a number to seconds; every summand of a sum is a time.
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

function isTimestampName(name: string): boolean {
  return timestampNames.some((ending) => name.endsWith(ending))
}
