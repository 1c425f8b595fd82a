import { findTool } from '../runtime/tools/index.ts'
import type { Bench } from './section.ts'

/** k6 as vigil finds it. */
export async function k6Path(bench: Bench): Promise<string> {
  const tool = await findTool('k6', {
    env: process.env,
    progress: bench.say,
    signal: new AbortController().signal,
  })
  if (tool.state === 'missing') throw new Error(`${tool.reason}: ${tool.whatToDo}`)
  return tool.path
}
