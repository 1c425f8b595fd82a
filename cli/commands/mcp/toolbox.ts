import { UsageError } from '../../shared/world.ts'
import type { World } from '../../shared/world.ts'
import { toAnswer, toErrorAnswer } from './answer.ts'
import type { Answer } from './answer.ts'
import type { Project } from './describe.ts'
import { invoke } from './invoke.ts'
import type { Invoked } from './invoke.ts'

/** What the tools work with. */
export interface Toolbox {
  world: World
  /** Absolute folder of results. */
  out: string
  /** The config and the folder of results, as options of a command. */
  common: readonly string[]
  /** Removes secrets from a document. */
  redact: <T>(document: T) => T
}

/** Of tools that only read the files and the machine of the project. */
export const readOnly = {
  readOnlyHint: true,
  destructiveHint: false,
  idempotentHint: true,
  openWorldHint: false,
}
const readTimeoutMs = 60_000

/** What the config lets the tools do, read again each time. */
export async function describeProjectNow({ world, common }: Toolbox, signal: AbortSignal): Promise<Project> {
  const invoked = await invoke(['mcp', '--describe', ...common], world, { timeoutMs: readTimeoutMs, signal })
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- this very vigil printed it
  if (invoked.code === 0) return invoked.document as Project
  throw new UsageError(lastLine(invoked))
}

/** The document of a command that only reads. Arguments after `--` stay the last. */
export async function readByCommand(
  { world }: Toolbox,
  args: readonly string[],
  signal: AbortSignal,
): Promise<unknown> {
  const at = args.indexOf('--')
  const before = at < 0 ? args : args.slice(0, at)
  const invoked = await invoke([...before, '--json', ...(at < 0 ? [] : args.slice(at))], world, {
    timeoutMs: readTimeoutMs,
    signal,
  })
  if (invoked.document === undefined) throw new UsageError(lastLine(invoked))
  return invoked.document
}

export function lastLine({ messages, means }: Invoked): string {
  return (
    messages
      .split('\n')
      .at(-1)
      ?.replace(/^vigil: /, '') || means
  )
}

/** The document of a tool as an answer. Errors of the user are an answer too, in one line. */
export async function answer(
  { world, redact }: Toolbox,
  read: () => Promise<unknown>,
  keep: 'first' | 'last' = 'first',
): Promise<Answer> {
  try {
    return toAnswer(redact(await read()), world.random, keep)
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    return toErrorAnswer(redact(error.message))
  }
}
