import type { ToolName } from './catalogue.ts'
import { findTool } from './find.ts'

/** The path of a tool for tests, fetched once per machine. A test that needs one fails without it: it is no reason to skip. */
export async function requireTool(
  name: ToolName,
  progress: (text: string) => void = () => undefined,
): Promise<string> {
  const tool = await findTool(name, {
    env: process.env,
    progress,
    signal: new AbortController().signal,
  })
  if (tool.state === 'missing') throw new Error(`${tool.reason}: ${tool.whatToDo}`)
  return tool.path
}
