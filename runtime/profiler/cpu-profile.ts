import { z } from 'zod'
import type { StackNode } from '../../baselines/profiles/index.ts'
import { toFrame } from './call-tree.ts'

/** The answer of V8's `Profiler.stop`, as far as it is read here. */
export const cpuProfileSchema = z.object({
  nodes: z.array(
    z.object({
      id: z.number(),
      callFrame: z.object({ functionName: z.string(), url: z.string(), lineNumber: z.number() }),
      hitCount: z.number().optional(),
      children: z.array(z.number()).optional(),
    }),
  ),
})
export type CpuProfile = z.infer<typeof cpuProfileSchema>

/** Time without work, which costs nothing. */
const idle = '(idle)'

/**
 * The call tree of V8's profile. Counts samples and not their times: the profiler's signal waits while the
 * thread has no core, so a sample is CPU time, and the time since the one before need not be.
 *
 * @param root the worktree of the process
 */
export function readCpuProfile({ nodes }: CpuProfile, root: string): StackNode[] {
  const byId = new Map(
    nodes.map(({ id, callFrame, hitCount = 0 }) => [
      id,
      {
        frame: toFrame(callFrame.functionName, callFrame.url, callFrame.lineNumber + 1, root),
        samples: hitCount,
        children: new Array<StackNode>(),
      },
    ]),
  )
  const called = new Set<number>()
  for (const { id, children = [] } of nodes)
    for (const child of children) {
      const node = byId.get(child)
      // Each node has one caller; a second one would make a loop possible.
      if (node === undefined || called.has(child) || child === id) continue
      called.add(child)
      byId.get(id)?.children.push(node)
    }
  return nodes
    .filter(({ id }) => !called.has(id))
    .flatMap(({ id }) => byId.get(id)?.children ?? [])
    .filter(({ frame }) => frame.name !== idle)
}

export function countSamples(roots: readonly StackNode[]): number {
  let samples = 0
  const open = [...roots]
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    samples += node.samples
    open.push(...node.children)
  }
  return samples
}
