import { delimiter, isAbsolute, join } from 'node:path'
import { catalogue } from './catalogue.ts'
import type { Tool, ToolContext, ToolName } from './catalogue.ts'
import { download, goBuild, goInstall, unpackDebian } from './fetch.ts'
import { isProgram, toolsFolder } from './folder.ts'
import { neutralFolder, runProgram, toToolEnvironment } from '../processes/index.ts'

/** Where a tool was found: by its variable, on the PATH, kept from before, or fetched just now. */
export type Origin = 'variable' | 'path' | 'kept' | 'download' | 'go install' | 'go build' | 'Debian package'

export type FoundTool =
  | { state: 'ok'; name: string; path: string; version: string; origin: Origin }
  | {
      state: 'missing'
      name: string
      reason: string
      whatToDo: string
      /** The variable that names what is not there: a usage error, not a missing tool. */
      variable?: string
    }

/**
 * Finds a tool or fetches it, in this order: its variable (a wrong one is an error, not a reason to search
 * further), the PATH, the tools folder, a download whose hash is known, `go install`, Debian's package.
 */
export async function findTool(name: ToolName, context: ToolContext): Promise<FoundTool> {
  return (await lookForTool(name, context)) ?? fetchTool(catalogue[name], context)
}

/**
 * The tool if this machine has it, or why the named one cannot be used; undefined: it would have to be
 * fetched.
 */
export async function lookForTool(name: ToolName, context: ToolContext): Promise<FoundTool | undefined> {
  const tool: Tool = catalogue[name]
  const named = context.env[tool.variable]
  if (named !== undefined && named !== '') {
    const found = isAbsolute(named)
      ? await checkProgram(tool, named, 'variable', context)
      : 'is not an absolute path'
    return typeof found === 'string'
      ? {
          ...missing(tool, `${tool.variable} ${found}`, `correct ${tool.variable}, or unset it`),
          variable: tool.variable,
        }
      : found
  }
  const folder = toolsFolder(context.env)
  const places = [
    ...pathCandidates(tool, context.env).map((path) => ({ path, origin: 'path' as const })),
    ...(folder.state === 'ok' ? [{ path: placeOf(tool, folder.path), origin: 'kept' as const }] : []),
  ]
  for (const { path, origin } of places) {
    const found = await checkProgram(tool, path, origin, context)
    if (typeof found !== 'string') return found
    if (await isProgram(path)) context.progress(`${tool.name}: the ${origin} ${found}: passed over`)
  }
  return undefined
}

async function fetchTool(tool: Tool, context: ToolContext): Promise<FoundTool> {
  const folder = toolsFolder(context.env)
  if (folder.state === 'missing')
    return missing(
      tool,
      `${tool.name} is not on this machine and could not be fetched (${folder.reason})`,
      `${folder.whatToDo}, or ${tool.advice}`,
    )
  const place = placeOf(tool, folder.path)
  const platform = { os: process.platform, arch: process.arch }
  const reasons: string[] = []
  const steps: [Origin, () => ReturnType<typeof download>][] = [
    [
      'download',
      async () => (tool.release ? download(tool.release, place, platform, context) : { state: 'skipped' }),
    ],
    [
      'go install',
      async () => (tool.goModule ? goInstall(tool.goModule, place, context) : { state: 'skipped' }),
    ],
    [
      'go build',
      async () => (tool.goProgram ? goBuild(tool.goProgram, place, context) : { state: 'skipped' }),
    ],
    [
      'Debian package',
      async () =>
        tool.debianPackage ? unpackDebian(tool.debianPackage, place, context) : { state: 'skipped' },
    ],
  ]
  for (const [origin, fetch] of steps) {
    const result = await fetch()
    if (result.state === 'failed') reasons.push(`${origin}: ${result.reason}`)
    const found = result.state === 'ok' ? await checkProgram(tool, place, origin, context) : ''
    if (typeof found !== 'string') return found
  }
  const failures = reasons.length > 0 ? ` and could not be fetched (${reasons.join('; ')})` : ''
  return missing(tool, `${tool.name} is not on this machine${failures}`, tool.advice)
}

/**
 * Runs the program to see its version: another program may have the same name. Returns what is wrong
 * otherwise.
 */
async function checkProgram(
  tool: Tool,
  path: string,
  origin: Origin,
  context: ToolContext,
): Promise<FoundTool | string> {
  if (!(await isProgram(path))) return `names ${path}, which is not a program`
  const ran = await runProgram(path, tool.versionArgs, {
    signal: context.signal,
    env: toToolEnvironment(context.env),
    cwd: neutralFolder,
    timeoutMs: 20_000,
  })
  const version = ran.state === 'ok' ? tool.versionPattern.exec(ran.output)?.[1] : undefined
  if (version === undefined) {
    const cause = ran.state === 'failed' ? ` (${ran.reason})` : ''
    return `names ${path}, which does not print the version of ${tool.name}${cause}`
  }
  return { state: 'ok', name: tool.name, path, version, origin }
}

function pathCandidates(tool: Tool, env: NodeJS.ProcessEnv): string[] {
  const folders = (env['PATH'] ?? '').split(delimiter).filter((folder) => isAbsolute(folder))
  return folders.flatMap((folder) => tool.programs.map((program) => join(folder, program)))
}

function placeOf(tool: Tool, folder: string): string {
  const version = tool.release?.version ?? tool.goModule?.version ?? tool.goProgram?.version
  return join(folder, version === undefined ? tool.name : `${tool.name}-${version}`, tool.name)
}

function missing(tool: Tool, reason: string, whatToDo: string): Extract<FoundTool, { state: 'missing' }> {
  return { state: 'missing', name: tool.name, reason, whatToDo }
}

/**
 * The path of a tool; throws when it can neither be found nor fetched. For tests and benchmarks, which need
 * it.
 */
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
