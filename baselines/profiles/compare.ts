import type { FlameNode, FunctionChange, ProfileComparison } from './document.ts'
import { isOwnFile, mergeStacks } from './stacks.ts'
import type { MergedNode, SideProfile } from './stacks.ts'

export const maxChanges = 10

/**
 * A change below this many standard deviations of sampling is not listed: with hundreds of functions, some
 * are beyond two by chance.
 */
const minDeviations = 3

/** A branch below this share of the wider side is too narrow to draw. */
const minFlameShare = 0.002
const maxFlameNodes = 2000

/** Which functions use more or less CPU time a request on the candidate, most first. */
export function compareProfiles(
  baseline: SideProfile,
  candidate: SideProfile,
): Pick<ProfileComparison, 'baseline' | 'candidate' | 'changes' | 'flame'> {
  const merged = mergeStacks(baseline.roots, candidate.roots)
  const scale = { baseline: sampleCost(baseline), candidate: sampleCost(candidate) }
  const samples = sumSamples(merged)
  const summarize = (profile: SideProfile, side: Side) => ({
    requests: profile.requests,
    samples: samples[side],
    cpuMsPerRequest: round(samples[side] * scale[side]),
  })
  return {
    baseline: summarize(baseline, 'baseline'),
    candidate: summarize(candidate, 'candidate'),
    changes: listChanges(merged, scale),
    flame: toFlame(merged, scale),
  }
}

type Side = 'baseline' | 'candidate'
type BySide = Record<Side, number>

/** Milliseconds a request that one sample stands for. */
function sampleCost({ sampleMs, requests }: SideProfile): number {
  return sampleMs / Math.max(1, requests)
}

/** With what it called. */
function sumSamples(node: MergedNode): BySide {
  const sum = { ...node.samples }
  for (const child of node.children.values()) addSamples(sum, sumSamples(child))
  return sum
}

interface FunctionSums {
  name: string
  file: string
  line: BySide
  /** Of the node whose caller is reported. */
  heaviest: number
  calledBy: { name: string; file: string; line: number } | undefined
  self: BySide
  total: BySide
}

function listChanges(root: MergedNode, scale: BySide): FunctionChange[] {
  const functions = new Map<string, FunctionSums>()
  for (const child of root.children.values()) collect(child, [], functions)
  return [...functions.values()]
    .filter((sums) => countDeviations(sums.self, scale) >= minDeviations)
    .map((sums) => toChange(sums, scale))
    .toSorted((a, b) => changeOf(b) - changeOf(a) || Number(isOwnFile(b.file)) - Number(isOwnFile(a.file)))
    .slice(0, maxChanges)
}

/** Counts a recursive function once in the total of the stack that it is in. */
function collect(
  node: MergedNode,
  callers: readonly MergedNode[],
  functions: Map<string, FunctionSums>,
): BySide {
  const total = { ...node.samples }
  for (const child of node.children.values()) addSamples(total, collect(child, [...callers, node], functions))
  const sums = sumsOf(node, functions)
  if (!callers.some(({ key }) => key === node.key)) addSamples(sums.total, total)
  sums.line.baseline ||= node.line.baseline
  sums.line.candidate ||= node.line.candidate
  creditSamples(node, callers, functions)
  return total
}

/**
 * Counts the samples of a function for it, or for its nearest caller in a file when it has no file itself:
 * that `JSON.parse` is slow in a handler is a fact about the handler. What a dependency did counts for the
 * function of the repository that called it, too: a query more is spread over dozens of functions of the
 * driver, none of which stands out.
 */
function creditSamples(
  node: MergedNode,
  callers: readonly MergedNode[],
  functions: Map<string, FunctionSums>,
): void {
  const at = node.file === '' ? callers.findLastIndex(({ file }) => file !== '') : -1
  const credited = callers[at] ?? node
  const own = callers.findLast(({ file }) => isOwnFile(file))
  const here = node.samples.baseline + node.samples.candidate
  const sums = sumsOf(credited, functions)
  addSamples(sums.self, node.samples)
  if (isOwnFile(credited.file)) return
  if (own !== undefined) addSamples(sumsOf(own, functions).self, node.samples)
  if (here <= sums.heaviest) return
  sums.heaviest = here
  sums.calledBy = own && { name: own.name, file: own.file, line: lineOf(own) }
}

function addSamples(sum: BySide, { baseline, candidate }: BySide): void {
  sum.baseline += baseline
  sum.candidate += candidate
}

function sumsOf(node: MergedNode, functions: Map<string, FunctionSums>): FunctionSums {
  const sums = functions.get(node.key) ?? createSums(node)
  functions.set(node.key, sums)
  return sums
}

function createSums({ name, file }: MergedNode): FunctionSums {
  return {
    name,
    file,
    line: { baseline: 0, candidate: 0 },
    heaviest: 0,
    calledBy: undefined,
    self: { baseline: 0, candidate: 0 },
    total: { baseline: 0, candidate: 0 },
  }
}

function lineOf({ line }: Pick<MergedNode, 'line'>): number {
  return line.candidate || line.baseline
}

/** Samples are counts: the variance of each is the count itself. */
function countDeviations(self: BySide, scale: BySide): number {
  const change = self.candidate * scale.candidate - self.baseline * scale.baseline
  const variance = self.candidate * scale.candidate ** 2 + self.baseline * scale.baseline ** 2
  return variance === 0 ? 0 : Math.abs(change) / Math.sqrt(variance)
}

function toChange({ name, file, line, calledBy, self, total }: FunctionSums, scale: BySide): FunctionChange {
  return {
    name,
    file,
    line: {
      ...(line.baseline > 0 && { baseline: line.baseline }),
      ...(line.candidate > 0 && { candidate: line.candidate }),
    },
    selfMs: toCost(self, scale),
    totalMs: toCost(total, scale),
    ...(calledBy && { calledBy }),
  }
}

function toCost(samples: BySide, scale: BySide): BySide {
  return {
    baseline: round(samples.baseline * scale.baseline),
    candidate: round(samples.candidate * scale.candidate),
  }
}

function changeOf({ selfMs }: FunctionChange): number {
  return round(Math.abs(selfMs.candidate - selfMs.baseline))
}

/** The call tree as a list in which callers come first, widest branches first. */
function toFlame(root: MergedNode, scale: BySide): FlameNode[] {
  const all = toCost(sumSamples(root), scale)
  const least = Math.max(all.baseline, all.candidate) * minFlameShare
  const flame: FlameNode[] = []
  const add = (node: MergedNode, parent: number): void => {
    const nodes = [...node.children.values()]
      .map((child) => ({
        child,
        flat: {
          parent,
          name: child.name,
          file: child.file,
          line: lineOf(child),
          totalMs: toCost(sumSamples(child), scale),
        },
      }))
      .filter(({ flat }) => widthOf(flat) > 0 && widthOf(flat) >= least)
      .toSorted((a, b) => widthOf(b.flat) - widthOf(a.flat))
    for (const { child, flat } of nodes) {
      if (flame.length >= maxFlameNodes) return
      add(child, flame.push(flat) - 1)
    }
  }
  add(root, -1)
  return flame
}

function widthOf({ totalMs }: FlameNode): number {
  return Math.max(totalMs.baseline, totalMs.candidate)
}

/** To the nanosecond. */
function round(ms: number): number {
  return Math.round(ms * 1e6) / 1e6
}
