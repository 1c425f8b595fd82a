import { writeWhole } from '../../record/store/index.ts'

/** The content of a running scheduler's heartbeat file. */
export interface Heartbeat {
  schema: 'vigil.heartbeat/1'
  /** ISO 8601 UTC. If it is older than a minute, the scheduler does not run or its disk is full. */
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
 * Writes heartbeats to a file, one at a time. During a write, only the newest later one waits.
 *
 * @returns `last` settles once all are written
 */
export function createHeartbeatFile(
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
