import { appendFile, lstat, mkdir, open, readdir, unlink } from 'node:fs/promises'
import { join } from 'node:path'

export interface LogFileDependencies {
  folder: string
  /** In milliseconds since 1970. Days are in UTC. */
  now: () => number
  /** Receives lines that cannot be written, and the notice about it. */
  fallback: (lines: string) => void
  /** Formats a notice about the files as a log line. */
  notice: (level: 'info' | 'warn', message: string, details: Readonly<Record<string, unknown>>) => string
}

/** The characters that may wait for a slow disk. More go to the fallback. */
const maxWaiting = 4 * 1024 * 1024
const retryMs = 10_000
const closeMs = 1000
const dayMs = 24 * 3600_000

/**
 * Writes one file per stream and UTC day, and deletes old ones. Published packages either number files and
 * retain a count (pino-roll), or store an index of their files (file-stream-rotator). Here the date in the
 * name decides, so retention also works after a restart and for files of other instances.
 *
 * No request waits for the disk. Lines are collected and appended by one write at a time, as complete lines,
 * so several instances may share a folder. While the folder is not writable, lines go to the fallback.
 */
export class LogFiles {
  readonly #dependencies: LogFileDependencies
  readonly #waiting = new Map<string, string[]>()
  #waitingLength = 0
  #writing: Promise<void> | undefined
  #tidiedOn = ''
  #day = { day: '', from: 0, to: 0 }
  #broken: { since: number } | undefined
  /**
   * Files that end with a complete line. After a partial line, from now or before a crash, a new line is
   * started first.
   */
  readonly #whole = new Set<string>()

  constructor(dependencies: LogFileDependencies) {
    this.#dependencies = dependencies
  }

  write(stream: Stream, line: string): void {
    if (this.#waitingLength + line.length > maxWaiting) {
      this.#fail(line, 'the disk is too slow')
      return
    }
    const name = toFileName(stream, this.#dayNow())
    const lines = this.#waiting.get(name)
    if (lines === undefined) this.#waiting.set(name, [line])
    else lines.push(line)
    this.#waitingLength += line.length
    if (this.#waitingLength > maxWaiting / 8) void this.flush()
  }

  /**
   * Writes waiting lines, unless a write is running. Called at short intervals; also deletes expired files.
   */
  flush(): Promise<void> {
    this.#writing ??= this.#work().finally(() => {
      this.#writing = undefined
    })
    return this.#writing
  }

  /** Writes all lines. Lines that the disk does not accept within a second go to the fallback. */
  async close(): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, closeMs)
    })
    const writing = async (): Promise<void> => {
      await this.flush()
      await this.flush()
    }
    await Promise.race([writing(), late])
    clearTimeout(timer)
    for (const [, lines] of this.#take()) this.#dependencies.fallback(lines)
  }

  // Computed once per day, not per line.
  #dayNow(): string {
    const now = this.#dependencies.now()
    const { from, to } = this.#day
    if (now < from || now >= to) {
      const day = toUtcDay(now)
      const begins = Date.parse(day)
      this.#day = { day, from: begins, to: begins + dayMs }
    }
    return this.#day.day
  }

  async #work(): Promise<void> {
    const { folder } = this.#dependencies
    const today = this.#dayNow()
    if (today !== this.#tidiedOn) {
      this.#tidiedOn = today
      this.#whole.clear()
      await createFolder(folder)
      await deleteExpired(folder, today)
    }
    for (const [name, lines] of this.#take()) await this.#append(name, lines)
  }

  #take(): [string, string][] {
    const taken = [...this.#waiting].map(([name, lines]): [string, string] => [name, lines.join('')])
    this.#waiting.clear()
    this.#waitingLength = 0
    return taken
  }

  async #append(name: string, lines: string): Promise<void> {
    if (this.#broken !== undefined && this.#dependencies.now() - this.#broken.since < retryMs) {
      this.#dependencies.fallback(lines)
      return
    }
    const path = join(this.#dependencies.folder, name)
    try {
      const cutOff = !this.#whole.has(name) && (await endsWithPartialLine(path))
      await appendFile(path, cutOff ? `\n${lines}` : lines, { mode: 0o640 })
      this.#whole.add(name)
      if (this.#broken !== undefined)
        this.#dependencies.fallback(this.#dependencies.notice('info', 'log files are written again', {}))
      this.#broken = undefined
    } catch (error) {
      this.#whole.delete(name)
      this.#fail(lines, error instanceof Error ? error.message : 'unknown')
    }
  }

  #fail(lines: string, message: string): void {
    const { now, fallback, notice } = this.#dependencies
    if (this.#broken === undefined)
      fallback(
        notice('warn', 'log files cannot be written; lines go to standard output until they can', {
          error: { message },
        }),
      )
    this.#broken = { since: now() }
    fallback(lines)
  }
}

// If this fails, the first line reports it.
async function createFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o750 }).catch(() => undefined)
}

async function deleteExpired(folder: string, today: string): Promise<void> {
  const names = await readdir(folder).catch(() => [])
  for (const name of findExpired(names, today)) {
    const path = join(folder, name)
    const isFile = await lstat(path).then(
      (found) => found.isFile(),
      () => false,
    )
    if (isFile) await unlink(path).catch(() => undefined)
  }
}

/** Whether the last line of a file is incomplete. */
async function endsWithPartialLine(path: string): Promise<boolean> {
  try {
    const file = await open(path, 'r')
    try {
      const { size } = await file.stat()
      if (size === 0) return false
      const { buffer } = await file.read(Buffer.alloc(1), 0, 1, size - 1)
      return buffer[0] !== 0x0a
    } finally {
      await file.close()
    }
  } catch {
    return false
  }
}

/** How long files of a stream are retained, in days or months after their day. */
const retention: Readonly<Record<Stream, { days: number } | { months: number }>> = {
  application: { days: 30 },
  security: { days: 90 },
  audit: { months: 12 },
  error: { months: 6 },
}

/** Formats a UTC day, such as `2026-11-24`. */
export function toUtcDay(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10)
}

/** `application-2026-11-24.log` */
export function toFileName(stream: Stream, day: string): string {
  return `${stream}-${day}.log`
}

/** Finds the expired files among `names` on `day`. Ignores names that do not match exactly. */
export function findExpired(names: readonly string[], day: string): string[] {
  return names.filter((name) => {
    const [, stream, of] = /^(application|security|audit|error)-(\d{4}-\d{2}-\d{2})\.log$/.exec(name) ?? []
    return isStream(stream) && of !== undefined && isDay(of) && of < firstRetainedDay(stream, day)
  })
}

/** The first day whose file is still retained on `day`. */
function firstRetainedDay(stream: Stream, day: string): string {
  const time = retention[stream]
  const date = new Date(`${day}T00:00:00Z`)
  if ('days' in time) date.setUTCDate(date.getUTCDate() - time.days)
  else {
    const dayOfMonth = date.getUTCDate()
    date.setUTCMonth(date.getUTCMonth() - time.months)
    // In a shorter month, the 31st would become a day of the next month.
    if (date.getUTCDate() !== dayOfMonth) date.setUTCDate(0)
  }
  return toUtcDay(date.getTime())
}

function isStream(word: string | undefined): word is Stream {
  return word !== undefined && Object.hasOwn(retention, word)
}

// `2026-02-30` is not a day.
function isDay(text: string): boolean {
  const ms = Date.parse(`${text}T00:00:00Z`)
  return !Number.isNaN(ms) && toUtcDay(ms) === text
}

/** The streams of log lines. Each has its own retention. */
export const streams = ['application', 'security', 'audit', 'error'] as const

export type Stream = (typeof streams)[number]
