import { appendFile, lstat, mkdir, open, readdir, unlink } from 'node:fs/promises'
import { join } from 'node:path'

export interface LogFilesParts {
  folder: string
  /** Milliseconds since 1970; days are those of UTC. */
  now: () => number
  /** Takes lines that cannot be written, and the one that says so. */
  fallback: (lines: string) => void
  /** A line of our own: what happened to the files. */
  notice: (level: 'info' | 'warn', message: string, details: Readonly<Record<string, unknown>>) => string
}

/** Characters that may wait for a slow disk; more goes to the fallback. */
const maxWaiting = 4 * 1024 * 1024
const retryMs = 10_000
const closeMs = 1000
const dayMs = 24 * 3600_000

/**
 * A file for each stream and UTC day, and their deletion. Ours because what is on the registry either names files by
 * numbers and keeps a count of them (pino-roll), or keeps a book of its files beside them (file-stream-rotator):
 * retention here is by the date in the name, so it also holds after a restart and for files of other instances.
 *
 * Nothing waits for the disk: lines are gathered and appended by one write at a time, as whole lines, so several
 * instances may share a folder. While the folder cannot be written, lines go to the fallback.
 */
export class LogFiles {
  readonly #with: LogFilesParts
  readonly #waiting = new Map<string, string[]>()
  #waitingLength = 0
  #writing: Promise<void> | undefined
  #tidiedOn = ''
  #day = { day: '', from: 0, to: 0 }
  #broken: { since: number } | undefined
  /** Files that are known to end with a line: one that was cut off, now or before a crash, must not be gone on with. */
  readonly #whole = new Set<string>()

  constructor(parts: LogFilesParts) {
    this.#with = parts
  }

  write(stream: Stream, line: string): void {
    if (this.#waitingLength + line.length > maxWaiting) {
      this.#fail(line, 'the disk is too slow')
      return
    }
    const name = fileName(stream, this.#dayNow())
    const lines = this.#waiting.get(name)
    if (lines === undefined) this.#waiting.set(name, [line])
    else lines.push(line)
    this.#waitingLength += line.length
    if (this.#waitingLength > maxWaiting / 8) void this.flush()
  }

  /** Writes what is waiting, unless a write is under way. Called every moment; also deletes what has served its time. */
  flush(): Promise<void> {
    this.#writing ??= this.#work().finally(() => {
      this.#writing = undefined
    })
    return this.#writing
  }

  /** Writes everything; what a disk does not take within a second goes to the fallback. */
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
    for (const [, lines] of this.#take()) this.#with.fallback(lines)
  }

  // A day lasts for many lines.
  #dayNow(): string {
    const now = this.#with.now()
    const { from, to } = this.#day
    if (now < from || now >= to) {
      const day = dayOf(now)
      const begins = Date.parse(day)
      this.#day = { day, from: begins, to: begins + dayMs }
    }
    return this.#day.day
  }

  async #work(): Promise<void> {
    const { folder } = this.#with
    const today = this.#dayNow()
    if (today !== this.#tidiedOn) {
      this.#tidiedOn = today
      this.#whole.clear()
      await makeFolder(folder)
      await tidy(folder, today)
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
    if (this.#broken !== undefined && this.#with.now() - this.#broken.since < retryMs) {
      this.#with.fallback(lines)
      return
    }
    const path = join(this.#with.folder, name)
    try {
      const cutOff = !this.#whole.has(name) && (await endsInside(path))
      await appendFile(path, cutOff ? `\n${lines}` : lines, { mode: 0o640 })
      this.#whole.add(name)
      if (this.#broken !== undefined)
        this.#with.fallback(this.#with.notice('info', 'log files are written again', {}))
      this.#broken = undefined
    } catch (error) {
      this.#whole.delete(name)
      this.#fail(lines, error instanceof Error ? error.message : 'unknown')
    }
  }

  #fail(lines: string, message: string): void {
    const { now, fallback, notice } = this.#with
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

// One that cannot be made shows itself with the first line.
async function makeFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o750 }).catch(() => undefined)
}

async function tidy(folder: string, today: string): Promise<void> {
  const names = await readdir(folder).catch(() => [])
  for (const name of outlived(names, today)) {
    const path = join(folder, name)
    const isFile = await lstat(path).then(
      (found) => found.isFile(),
      () => false,
    )
    if (isFile) await unlink(path).catch(() => undefined)
  }
}

/** Whether a file ends in the middle of a line. */
async function endsInside(path: string): Promise<boolean> {
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

/** How long a stream's files are kept, in days or months after the day they are of. */
const kept: Readonly<Record<Stream, { days: number } | { months: number }>> = {
  application: { days: 30 },
  security: { days: 90 },
  audit: { months: 12 },
  error: { months: 6 },
}

/** A UTC day, as in `2026-11-24`. */
export function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10)
}

/** `application-2026-11-24.log` */
export function fileName(stream: Stream, day: string): string {
  return `${stream}-${day}.log`
}

/** The files among `names` that have served their time on `day`. A name that is not exactly one of ours is never among them. */
export function outlived(names: readonly string[], day: string): string[] {
  return names.filter((name) => {
    const [, stream, of] = /^(application|security|audit|error)-(\d{4}-\d{2}-\d{2})\.log$/.exec(name) ?? []
    return isStream(stream) && of !== undefined && isDay(of) && of < oldestKept(stream, day)
  })
}

/** The first day whose file is still kept on `day`. */
function oldestKept(stream: Stream, day: string): string {
  const time = kept[stream]
  const date = new Date(`${day}T00:00:00Z`)
  if ('days' in time) date.setUTCDate(date.getUTCDate() - time.days)
  else {
    const dayOfMonth = date.getUTCDate()
    date.setUTCMonth(date.getUTCMonth() - time.months)
    // The 31st of a month that ends sooner would be a day of the next: too young by days.
    if (date.getUTCDate() !== dayOfMonth) date.setUTCDate(0)
  }
  return dayOf(date.getTime())
}

function isStream(word: string | undefined): word is Stream {
  return word !== undefined && Object.hasOwn(kept, word)
}

// `2026-02-30` is nobody's.
function isDay(text: string): boolean {
  const ms = Date.parse(`${text}T00:00:00Z`)
  return !Number.isNaN(ms) && dayOf(ms) === text
}

/** Which of the four streams a line belongs to; each is kept for a time of its own. */
export const streams = ['application', 'security', 'audit', 'error'] as const

export type Stream = (typeof streams)[number]
