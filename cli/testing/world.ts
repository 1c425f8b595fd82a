import type { World } from '../shared/world.ts'

/** What a command said and how it ended. */
export interface Said {
  code: number
  stdout: string
  stderr: string
}

/** Runs a command in this process, in a world of its own that keeps what it says. */
export async function runInWorld(
  cwd: string,
  command: (world: World) => Promise<number>,
  changes: Partial<World> = {},
): Promise<Said> {
  const said = { stdout: '', stderr: '' }
  const code = await command({
    cwd,
    env: {},
    pid: 1,
    stdout: (text) => void (said.stdout += text),
    stderr: (text) => void (said.stderr += text),
    terminal: { stdoutIsTerminal: false, stderrIsTerminal: false, width: 100, color: false },
    now: () => 0,
    random: () => 0.5,
    interrupted: new AbortController().signal,
    ...changes,
  })
  return { code, ...said }
}
