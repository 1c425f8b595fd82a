import { writeWhole } from '../../record/store/index.ts'

/** What the file of a living scheduler says. */
export interface Heartbeat {
  schema: 'vigil.heartbeat/1'
  /** ISO 8601 UTC; older than a minute: it is not alive, or its disk takes no more. */
  at: string
  startedAt: string
  pid: number
  probes: number
  running: string[]
  runs: number
  skipped: number
  missed: number
}

/**
 * Writes heartbeats to a file, one at a time: while one is being written the newest of those that come waits.
 *
 * @returns beats; `last` settles once all are written, `failed` receives each that could not be
 */
export function heartbeatFile(
  path: string,
  failed: (error: unknown) => void,
): { beat: (heartbeat: Heartbeat) => void; last: () => Promise<void> } {
  let waiting: Heartbeat | undefined
  let writing: Promise<void> | undefined
  const write = async (): Promise<void> => {
    while (waiting) {
      const text = `${JSON.stringify(waiting)}\n`
      waiting = undefined
      await writeWhole(path, text).catch(failed)
    }
    writing = undefined
  }
  return {
    beat: (heartbeat) => {
      waiting = heartbeat
      writing ??= write()
    },
    last: async () => writing,
  }
}
