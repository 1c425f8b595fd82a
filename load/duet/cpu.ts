import { readFileSync, readdirSync } from 'node:fs'

/**
 * CPU time that the processes of a group have used so far, in milliseconds, to the nanosecond and over all their threads:
 * the ticks of `/proc/<pid>/stat` are a hundredth of a second, which is what ten requests cost. A thread's time goes
 * with it when it ends; those of a service at work live on. Undefined where there is no such /proc, or no such group.
 */
export function cpuMsOf(group: number): number | undefined {
  const times = numbersIn('/proc').flatMap((pid) =>
    lineageOf(pid)?.group === group ? (ranMs(pid) ?? []) : [],
  )
  return times.length === 0 ? undefined : times.reduce((sum, ms) => sum + ms, 0)
}

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
    for (const pid of numbersIn('/proc')) {
      if (lineageOf(pid)?.parent !== server || textOf(`/proc/${pid}/cmdline`)?.startsWith(title) !== true)
        continue
      const now = ranMs(pid)
      if (now === undefined) continue
      sum += Math.max(0, now - (last.get(pid) ?? now))
      last.set(pid, now)
    }
    return last.size === 0 ? undefined : sum
  }
}

function ranMs(pid: number): number | undefined {
  const threads = numbersIn(`/proc/${pid}/task`)
    .map((thread) => Number(textOf(`/proc/${pid}/task/${thread}/schedstat`)?.split(' ')[0]))
    .filter(Number.isFinite)
  return threads.length === 0 ? undefined : threads.reduce((sum, ran) => sum + ran, 0) / 1e6
}

function lineageOf(pid: number): { parent: number; group: number } | undefined {
  const text = textOf(`/proc/${pid}/stat`)
  if (text === undefined) return undefined
  // The name before it is in brackets and may hold anything.
  const [, parent, group] = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return { parent: Number(parent), group: Number(group) }
}

function numbersIn(folder: string): number[] {
  try {
    return readdirSync(folder)
      .map(Number)
      .filter((number) => Number.isInteger(number))
  } catch {
    return []
  }
}

function textOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}
