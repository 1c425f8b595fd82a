import { findTool } from '../../../runtime/tools/index.ts'
import type { ToolName, ToolSurroundings } from '../../../runtime/tools/index.ts'

const needed = [
  'prometheus',
  'promtool',
  'alertmanager',
  'pushgateway',
  'node_exporter',
  'postgres_exporter',
  'process-exporter',
] as const satisfies readonly ToolName[]

/** Paths of the programs that a stage is made of. */
export type DrillTools = Record<(typeof needed)[number], string>

export type ToolsFound = { state: 'ok'; tools: DrillTools } | { state: 'missing'; reason: string }

export async function findDrillTools(surroundings: ToolSurroundings): Promise<ToolsFound> {
  const tools: Partial<DrillTools> = {}
  for (const name of needed) {
    const found = await findTool(name, surroundings)
    if (found.state === 'missing') return { state: 'missing', reason: `${found.reason}: ${found.whatToDo}` }
    tools[name] = found.path
  }
  return isWhole(tools) ? { state: 'ok', tools } : { state: 'missing', reason: 'not every tool was found' }
}

function isWhole(tools: Partial<DrillTools>): tools is DrillTools {
  return needed.every((name) => tools[name] !== undefined)
}
