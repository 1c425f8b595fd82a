import { listPids, readCommandLine, readStat, readThreadsCpuMs } from '../../runtime/processes/index.ts'

/**
 * A clock of what a PostgreSQL has computed for one database so far, in milliseconds: what its clients' backends have used since each was
 * first seen, those that have ended since included. They are known by the title that PostgreSQL gives them, `postgres: <user> <database> …`
 * (`update_process_title`, on by default but on Windows). Parallel workers and what the server does for all databases (WAL writer, checkpoints)
 * carry no database's name and are left out. Undefined until a backend of the database was seen.
 *
 * @param server pid of the PostgreSQL itself, whose children backends are: others on this machine may have databases of this name
 */
export function databaseCpu(server: number, user: string, database: string): () => number | undefined {
  const title = `postgres: ${user} ${database} `
  const last = new Map<number, number>()
  let sum = 0
  return () => {
    for (const pid of listPids()) {
      if (readStat(pid)?.parent !== server || readCommandLine(pid)[0]?.startsWith(title) !== true) continue
      const now = readThreadsCpuMs(pid)
      if (now === undefined) continue
      sum += Math.max(0, now - (last.get(pid) ?? now))
      last.set(pid, now)
    }
    return last.size === 0 ? undefined : sum
  }
}
