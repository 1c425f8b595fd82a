import { join } from 'node:path'
import { findTool } from '../tools/index.ts'
import type { Bench } from './section.ts'

/** k6 as vigil finds it. */
export async function k6Path(bench: Bench): Promise<string> {
  const tool = await findTool('k6', {
    env: process.env,
    folder: join(bench.root, '.vigil', 'tools'),
    progress: bench.say,
    signal: new AbortController().signal,
  })
  if (tool.state === 'missing') throw new Error(`${tool.reason}: ${tool.whatToDo}`)
  return tool.path
}
