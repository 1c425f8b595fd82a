import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ToolName } from './catalogue.ts'
import { findTool } from './find.ts'

const root = fileURLToPath(new URL('..', import.meta.url))

/** The path of a tool for tests, fetched once for the checkout. A test that needs one fails without it: it is no reason to skip. */
export async function requireTool(
  name: ToolName,
  progress: (text: string) => void = () => undefined,
): Promise<string> {
  const tool = await findTool(name, {
    env: process.env,
    folder: process.env['VIGIL_TOOLS_DIR'] ?? join(root, '.vigil', 'tools'),
    progress,
    signal: new AbortController().signal,
  })
  if (tool.state === 'missing') throw new Error(`${tool.reason}: ${tool.whatToDo}`)
  return tool.path
}
