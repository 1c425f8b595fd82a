import { delimiter, isAbsolute, join } from 'node:path'
import { goInstall, unpackDebian } from './build.ts'
import { catalogue } from './catalogue.ts'
import type { Tool, ToolName } from './catalogue.ts'
import { download } from './download.ts'
import { toolsFolder } from './folder.ts'
import { isProgram } from './install.ts'
import { runProgram } from '../processes/index.ts'
import type { ToolSurroundings } from './surroundings.ts'

/** Where a tool was found: named by its variable, on the PATH, or fetched before or just now. */
export type Origin = 'variable' | 'path' | 'kept' | 'download' | 'go install' | 'Debian package'

export type FoundTool =
  | { state: 'found'; name: string; path: string; version: string; origin: Origin }
  | { state: 'missing'; name: string; reason: string; whatToDo: string }

/**
 * Finds a tool or brings it, in this order: its variable (a wrong one is an error, not a reason to look elsewhere), the
 * PATH, what was kept, a download whose hash is known, `go install`, Debian's package.
 */
export async function findTool(name: ToolName, surroundings: ToolSurroundings): Promise<FoundTool> {
  return (await lookForTool(name, surroundings)) ?? fetchTool(catalogue[name], surroundings)
}

/** The tool if this machine has it already, or why what was named is none; undefined: it would have to be fetched. */
export async function lookForTool(
  name: ToolName,
  surroundings: ToolSurroundings,
): Promise<FoundTool | undefined> {
  const tool: Tool = catalogue[name]
  const named = surroundings.env[tool.variable]
  if (named !== undefined && named !== '') {
    const found = isAbsolute(named)
      ? await checked(tool, named, 'variable', surroundings)
      : 'is not an absolute path'
    return typeof found === 'string'
      ? missing(tool, `${tool.variable} ${found}`, `correct ${tool.variable}, or unset it`)
      : found
  }
  const folder = toolsFolder(surroundings.env)
  const places = [
    ...onPath(tool, surroundings.env).map((path) => ({ path, origin: 'path' as const })),
    ...(folder.state === 'ok' ? [{ path: keptPlace(tool, folder.path), origin: 'kept' as const }] : []),
  ]
  for (const { path, origin } of places) {
    const found = await checked(tool, path, origin, surroundings)
    if (typeof found !== 'string') return found
  }
  return undefined
}

async function fetchTool(tool: Tool, surroundings: ToolSurroundings): Promise<FoundTool> {
  const folder = toolsFolder(surroundings.env)
  if (folder.state === 'missing')
    return missing(
      tool,
      `${tool.name} is not on this machine and could not be fetched (${folder.reason})`,
      `${folder.whatToDo}, or ${tool.advice}`,
    )
  const place = keptPlace(tool, folder.path)
  const platform = { os: process.platform, arch: process.arch }
  const reasons: string[] = []
  const steps: [Origin, () => ReturnType<typeof download>][] = [
    [
      'download',
      async () => (tool.release ? download(tool.release, place, platform, surroundings) : { state: 'pass' }),
    ],
    [
      'go install',
      async () => (tool.goModule ? goInstall(tool.goModule, place, surroundings) : { state: 'pass' }),
    ],
    [
      'Debian package',
      async () =>
        tool.debianPackage ? unpackDebian(tool.debianPackage, place, surroundings) : { state: 'pass' },
    ],
  ]
  for (const [origin, fetch] of steps) {
    const result = await fetch()
    if (result.state === 'failed') reasons.push(`${origin}: ${result.reason}`)
    const found = result.state === 'had' ? await checked(tool, place, origin, surroundings) : ''
    if (typeof found !== 'string') return found
  }
  return missing(
    tool,
    `${tool.name} is not on this machine${reasons.length > 0 ? ` and could not be fetched (${reasons.join('; ')})` : ''}`,
    tool.advice,
  )
}

/** A program is a tool only when it says its version: something else may lie under the name. */
async function checked(
  tool: Tool,
  path: string,
  origin: Origin,
  surroundings: ToolSurroundings,
): Promise<FoundTool | string> {
  if (!(await isProgram(path))) return `names ${path}, which is no program`
  const ran = await runProgram(path, tool.versionArgs, { ...surroundings, timeoutMs: 20_000 })
  const version = ran.state === 'ok' ? tool.versionPattern.exec(ran.output)?.[1] : undefined
  if (version === undefined)
    return `names ${path}, which does not say that it is ${tool.name}${ran.state === 'failed' ? ` (${ran.reason})` : ''}`
  return { state: 'found', name: tool.name, path, version, origin }
}

function onPath(tool: Tool, env: NodeJS.ProcessEnv): string[] {
  const folders = (env['PATH'] ?? '').split(delimiter).filter((folder) => isAbsolute(folder))
  return folders.flatMap((folder) => tool.programs.map((program) => join(folder, program)))
}

function keptPlace(tool: Tool, folder: string): string {
  const version = tool.release?.version ?? tool.goModule?.version
  return join(folder, version === undefined ? tool.name : `${tool.name}-${version}`, tool.name)
}

function missing(tool: Tool, reason: string, whatToDo: string): FoundTool {
  return { state: 'missing', name: tool.name, reason, whatToDo }
}
