import os from 'node:os'
import { catalogue, lookForTool, userToolNames } from '../../../runtime/tools/index.ts'
import type { FoundTool, ToolName } from '../../../runtime/tools/index.ts'
import { exitCodes } from '../../exit-codes.ts'
import { printJson, version } from '../../shared/world.ts'
import type { World } from '../../shared/world.ts'
import type { DoctorOptions } from './command.ts'

/** Shows what vigil measures with here: the machine, the tools it has, and those it would have to fetch. */
export async function doctor(options: DoctorOptions, world: World): Promise<number> {
  if (options.noise) {
    const { measureNoise } = await import('./noise.ts')
    return measureNoise(options, world)
  }
  const surroundings = {
    env: world.env,
    progress: () => undefined,
    signal: world.interrupted,
  }
  const tools: FoundTool[] = []
  for (const name of userToolNames) {
    tools.push((await lookForTool(name, surroundings)) ?? notHere(name))
  }
  const machine = {
    vigil: version(),
    node: process.versions.node,
    os: `${os.type()} ${os.release()} ${os.arch()}`,
    processor: os.cpus()[0]?.model ?? 'unknown',
    cores: os.availableParallelism(),
    memoryBytes: os.totalmem(),
  }
  if (options.json) printJson(world, { schema: 'vigil.doctor/1', machine, tools })
  else world.stdout([...machineLines(machine), '', ...tools.map(toolLine), ''].join('\n'))
  if (tools.some((tool) => tool.state === 'missing' && tool.variable !== undefined))
    return exitCodes.usageError.code
  return tools.some((tool) => tool.state === 'missing' && tool.name === 'k6')
    ? exitCodes.invalid.code
    : exitCodes.pass.code
}

function notHere(name: ToolName): FoundTool {
  return {
    state: 'missing',
    name,
    reason: 'not on this machine; vigil fetches it when it is first needed',
    whatToDo: catalogue[name].advice,
  }
}

function machineLines(machine: Record<string, string | number>): string[] {
  return Object.entries(machine).map(([fact, value]) =>
    fact === 'memoryBytes'
      ? line('memory', `${(Number(value) / 2 ** 30).toFixed(1)} GiB`)
      : line(fact, String(value)),
  )
}

function toolLine(tool: FoundTool): string {
  if (tool.state === 'ok') return line(tool.name, `${tool.version}  ${tool.path} (${tool.origin})`)
  return line(tool.name, `MISSING: ${tool.reason}: ${tool.whatToDo}`)
}

function line(what: string, value: string): string {
  return `${what.padEnd(18)} ${value}`
}
