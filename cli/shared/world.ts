import type { Random, WallClock } from '../../record/index.ts'

/** All that a command may know of the process it runs in; main makes it once, tests make their own. */
export interface World {
  cwd: string
  env: NodeJS.ProcessEnv
  pid: number
  /** Results. */
  stdout: (text: string) => void
  /** Progress and messages. */
  stderr: (text: string) => void
  terminal: {
    stdoutIsTerminal: boolean
    stderrIsTerminal: boolean
    /** Columns to write for. */
    width: number
    color: boolean
  }
  now: WallClock
  random: Random
  /** How long to wait for a target that another process loads. Not set: 15 minutes. */
  lockPatienceMs?: number
  /** Aborted by SIGINT or SIGTERM, whose name is the reason. */
  interrupted: AbortSignal
}

/** What the user got wrong: one line, exit code 2. */
export class UsageError extends Error {
  override name = 'UsageError'
}
