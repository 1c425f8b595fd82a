import { startChild } from '../processes/index.ts'
import type { ToolSurroundings } from './surroundings.ts'

/** Runs a program to its end or its time limit. Gives the end of what it printed, to either stream, or why there is nothing. */
export async function runProgram(
  program: string,
  args: readonly string[],
  surroundings: Pick<ToolSurroundings, 'env' | 'signal'>,
  limits: { timeoutMs: number; cwd?: string; env?: NodeJS.ProcessEnv },
): Promise<{ state: 'ran'; output: string } | { state: 'failed'; reason: string }> {
  if (surroundings.signal.aborted) return { state: 'failed', reason: 'interrupted' }
  const child = startChild(program, args, {
    env: { ...surroundings.env, ...limits.env },
    ...(limits.cwd !== undefined && { cwd: limits.cwd }),
  })
  const deadline = AbortSignal.any([surroundings.signal, AbortSignal.timeout(limits.timeoutMs)])
  const stop = (): void => void child.stop(2000)
  deadline.addEventListener('abort', stop)
  const end = await child.ended
  deadline.removeEventListener('abort', stop)
  if (surroundings.signal.aborted) return { state: 'failed', reason: 'interrupted' }
  if (deadline.aborted)
    return { state: 'failed', reason: `${program} did not end within ${limits.timeoutMs / 1000} s` }
  if (end.state === 'exited' && end.code === 0)
    return { state: 'ran', output: [child.tail('stdout'), child.tail('stderr')].join('\n') }
  return {
    state: 'failed',
    reason: `${program} ${endWords(end)}${lastLine(child.tail('stderr') || child.tail('stdout'))}`,
  }
}

function endWords(
  end:
    | { state: 'exited'; code: number }
    | { state: 'signalled'; signal: string }
    | { state: 'failed'; reason: string },
): string {
  switch (end.state) {
    case 'exited':
      return `ended with code ${end.code}`
    case 'signalled':
      return `was ended by ${end.signal}`
    case 'failed':
      return `could not be started: ${end.reason}`
  }
}

function lastLine(text: string): string {
  const line = text.split('\n').findLast((candidate) => candidate.trim() !== '')
  return line === undefined
    ? ''
    : `: ${line
        .replaceAll(/\p{Cc}/gu, ' ')
        .trim()
        .slice(0, 200)}`
}
