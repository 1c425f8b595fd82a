/** A place in the code, as a profiler gives it. */
export interface Frame {
  /** '' for a function without a name. */
  name: string
  /** Relative to the worktree of its revision; '' for code of no file. */
  file: string
  /** Of the function's definition, from 1; 0: unknown. */
  line: number
}

/** A call tree: the same function called from two places is two nodes. */
export interface StackNode {
  frame: Frame
  /** Samples in which it was running itself. */
  samples: number
  children: StackNode[]
}

/** What one side did while it was profiled. */
export interface SideProfile {
  /** Requests answered meanwhile. */
  requests: number
  /** CPU time that a sample stands for. */
  sampleMs: number
  roots: readonly StackNode[]
}

/** Both sides of a call tree. */
export interface MergedNode {
  key: string
  name: string
  file: string
  line: { baseline: number; candidate: number }
  samples: { baseline: number; candidate: number }
  children: Map<string, MergedNode>
}

type Side = 'baseline' | 'candidate'

/** Deeper calls than this count for the deepest that is kept: the merged tree is walked by recursion. */
const maxDepth = 200

/**
 * Lays both trees on one another. A function is the same on both sides when its name and file are: lines move
 * with every change above them. A function without a name is known by the nearest named one that called it.
 */
export function mergeStacks(baseline: readonly StackNode[], candidate: readonly StackNode[]): MergedNode {
  const root = toNode({ name: '(root)', file: '', line: 0 }, '(root)')
  const open: { into: MergedNode; node: StackNode; side: Side; caller: string; depth: number }[] = [
    ...baseline.map((node) => ({ into: root, node, side: 'baseline' as const, caller: '', depth: 1 })),
    ...candidate.map((node) => ({ into: root, node, side: 'candidate' as const, caller: '', depth: 1 })),
  ]
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { into, node, side, caller, depth } = next
    const at = depth > maxDepth ? into : childOf(into, node.frame, caller)
    at.samples[side] += node.samples
    if (depth <= maxDepth) at.line[side] ||= node.frame.line
    for (const child of node.children)
      open.push({ into: at, node: child, side, caller: node.frame.name || caller, depth: depth + 1 })
  }
  return root
}

function anonymousName(caller: string): string {
  return caller === '' ? '(anonymous)' : `(anonymous, called by ${caller})`
}

function childOf(parent: MergedNode, frame: Frame, caller: string): MergedNode {
  const name = frame.name === '' ? anonymousName(caller) : frame.name
  const key = `${name}\0${frame.file}`
  const known = parent.children.get(key)
  if (known !== undefined) return known
  const node = toNode({ ...frame, name }, key)
  parent.children.set(key, node)
  return node
}

function toNode({ name, file }: Frame, key: string): MergedNode {
  return {
    key,
    name,
    file,
    line: { baseline: 0, candidate: 0 },
    samples: { baseline: 0, candidate: 0 },
    children: new Map(),
  }
}

/** Whether a file is the repository's own: neither a dependency nor the runtime's. */
export function isOwnFile(file: string): boolean {
  return file !== '' && !/^(?:\/|[a-z]+:|[A-Za-z]:[\\/])|(?:^|\/)node_modules\//.test(file)
}
