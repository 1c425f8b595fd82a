import { lstat, mkdir, open, readdir, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'

interface LogFileDependencies {
  folder: string
  /** In milliseconds since 1970. Days are in UTC. */
  now: () => number
  /** Receives lines that cannot be written, and the notice about it. */
  fallback: (lines: string) => void
  /** Receives notices about the files. */
  notices: Logger
}

/** How long the files of each stream are retained, after their day: the last two at least 6 and 12 months. */
const retentionDays = { application: 30, security: 90, error: 184, audit: 366 } as const

export type Stream = keyof typeof retentionDays

/** The characters that may wait for a slow disk. More go to the fallback. */
const maxWaiting = 4 * 1024 * 1024
const retryMs = 10_000
const closeMs = 1000
const dayMs = 24 * 3600_000

/**
 * Writes one file per stream and UTC day, and deletes old ones. pino-roll numbers its files and retains a
 * count of them. Here the date in the name decides, so retention also works after a restart and for files of
 * other instances.
 *
 * No request waits for the disk. Lines are collected and appended by one write at a time, as complete lines,
 * so several instances may share a folder. While the folder is not writable, lines go to the fallback.
 */
export class LogFiles {
  readonly #dependencies: LogFileDependencies
  #waiting = new Map<string, string>()
  #waitingLength = 0
  #writing: Promise<void> | undefined
  #tidiedOn = ''
  #brokenAtMs: number | undefined

  constructor(dependencies: LogFileDependencies) {
    this.#dependencies = dependencies
  }

  write(stream: Stream, line: string): void {
    if (this.#waitingLength + line.length > maxWaiting) {
      this.#fail(line, 'the disk is too slow')
      return
    }
    const name = toFileName(stream, toUtcDay(this.#dependencies.now()))
    this.#waiting.set(name, (this.#waiting.get(name) ?? '') + line)
    this.#waitingLength += line.length
    if (this.#waitingLength > maxWaiting / 8) void this.flush()
  }

  /**
   * Writes waiting lines, unless a write is running. Called at short intervals; also deletes expired files.
   */
  flush(): Promise<void> {
    this.#writing ??= this.#work().finally(() => (this.#writing = undefined))
    return this.#writing
  }

  /** Writes all lines. Lines that the disk does not accept within a second go to the fallback. */
  async close(): Promise<void> {
    const isLate = sleep(closeMs, undefined, { ref: false })
    await Promise.race([this.flush().then(() => this.flush()), isLate])
    for (const [, lines] of this.#take()) this.#dependencies.fallback(lines)
  }

  async #work(): Promise<void> {
    const today = toUtcDay(this.#dependencies.now())
    if (today !== this.#tidiedOn) {
      this.#tidiedOn = today
      await prepareFolder(this.#dependencies.folder, today)
    }
    for (const [name, lines] of this.#take()) await this.#append(name, lines)
  }

  #take(): ReadonlyMap<string, string> {
    const taken = this.#waiting
    this.#waiting = new Map()
    this.#waitingLength = 0
    return taken
  }

  async #append(name: string, lines: string): Promise<void> {
    const { folder, now, fallback, notices } = this.#dependencies
    if (this.#brokenAtMs !== undefined && now() - this.#brokenAtMs < retryMs) {
      fallback(lines)
      return
    }
    try {
      await appendLines(join(folder, name), lines)
      if (this.#brokenAtMs !== undefined)
        notices.info({ stream: 'application' }, 'log files are written again')
      this.#brokenAtMs = undefined
    } catch (error) {
      this.#fail(lines, error instanceof Error ? error.message : 'unknown')
    }
  }

  #fail(lines: string, message: string): void {
    const { now, fallback, notices } = this.#dependencies
    const text = 'log files cannot be written; lines go to standard output until they can'
    if (this.#brokenAtMs === undefined) notices.warn({ stream: 'error', error: { message } }, text)
    this.#brokenAtMs = now()
    fallback(lines)
  }
}

/** Starts a new line first after a partial one, which a full disk or a crash has left. */
async function appendLines(path: string, lines: string): Promise<void> {
  const file = await open(path, 'a+', 0o640)
  try {
    const { size } = await file.stat()
    const { buffer } = await file.read(Buffer.alloc(1), 0, 1, Math.max(0, size - 1))
    await file.appendFile(size === 0 || buffer.toString() === '\n' ? lines : `\n${lines}`)
  } finally {
    await file.close()
  }
}

/** Creates the folder, and deletes the expired files in it. If this fails, the first line reports it. */
async function prepareFolder(folder: string, today: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o750 }).catch(() => undefined)
  for (const name of findExpired(await readdir(folder).catch(() => []), today)) {
    const path = join(folder, name)
    const found = await lstat(path).catch(() => undefined)
    if (found?.isFile() === true) await unlink(path).catch(() => undefined)
  }
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
    const [, stream, date = ''] = /^([a-z]+)-(\d{4}-\d{2}-\d{2})\.log$/.exec(name) ?? []
    const fromMs = Date.parse(date)
    // `2026-02-30` is not a day.
    if (!isStream(stream) || Number.isNaN(fromMs) || toUtcDay(fromMs) !== date) return false
    return fromMs < Date.parse(day) - retentionDays[stream] * dayMs
  })
}

export function isStream(word: unknown): word is Stream {
  return typeof word === 'string' && Object.hasOwn(retentionDays, word)
}
