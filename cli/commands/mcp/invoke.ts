import { fileURLToPath } from 'node:url'
import { jsonOf } from '../../../record/documents/index.ts'
import { describeEnd, startChild } from '../../../runtime/processes/index.ts'
import { exitCodes } from '../../exit-codes.ts'
import type { World } from '../../shared/world.ts'

/** What a command of vigil printed, and its exit code. `document` is missing if it printed none. */
export interface Invoked {
  code: number
  means: string
  document?: unknown
  /** The last lines on stderr. */
  messages: string
}

const main = fileURLToPath(new URL('../../main.ts', import.meta.url))
/** More than any document of a command whose lists are limited. */
const maxOutputCharacters = 64 * 2 ** 20

/**
 * Runs a command of vigil in a process of its own: it reads the config as it is now, and its output cannot
 * mix with the protocol's.
 */
export async function invoke(
  args: readonly string[],
  { cwd, env }: Pick<World, 'cwd' | 'env'>,
  {
    timeoutMs,
    signal,
    onMessage,
  }: { timeoutMs: number; signal: AbortSignal; onMessage?: (line: string) => void },
): Promise<Invoked> {
  const lines: string[] = []
  let characters = 0
  const child = startChild(process.execPath, [main, ...args], {
    cwd,
    env,
    onLine: (line, stream) => {
      if (stream === 'stderr') return onMessage?.(line)
      characters += line.length
      if (characters <= maxOutputCharacters) lines.push(line)
    },
  })
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)])
  const stop = (): void => void child.stop(stopMs)
  deadline.addEventListener('abort', stop)
  if (deadline.aborted) stop()
  const end = await child.ended
  deadline.removeEventListener('abort', stop)
  const messages = child.tail('stderr')
  const code = end.state === 'exited' ? end.code : exitCodes.invalid.code
  const means = deadline.aborted
    ? `ended after ${timeoutMs / 1000} s, or because the request was cancelled`
    : end.state === 'exited'
      ? (Object.values(exitCodes).find((known) => known.code === code)?.means ?? describeEnd(end))
      : describeEnd(end)
  const json = jsonOf(lines.join('\n'))
  return { code, means, messages, ...(json.state === 'ok' && { document: json.value }) }
}

/** Time to write what was measured and to end the target. */
const stopMs = 15_000
