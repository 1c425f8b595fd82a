import { startChild } from '../../runtime/processes/index.ts'

export interface ToolRun {
  code: number
  output: string
}

const mostLines = 20_000

/** Runs promtool or amtool to its end and gives all it said. Throws when it could not be started or was ended. */
export async function runTool(
  program: string,
  args: readonly string[],
  timeoutMs = 120_000,
): Promise<ToolRun> {
  const lines: string[] = []
  const child = startChild(program, args, {
    env: { PATH: process.env['PATH'] },
    onLine: (line) => {
      if (lines.length < mostLines) lines.push(line)
    },
  })
  const timer = setTimeout(() => void child.stop(1000), timeoutMs)
  const end = await child.ended
  clearTimeout(timer)
  if (end.state === 'exited') return { code: end.code, output: lines.join('\n') }
  throw new Error(`${program}: ${end.state === 'failed' ? end.reason : `ended by ${end.signal}`}`)
}
