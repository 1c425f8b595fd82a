import type { Stream } from './streams.ts'

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
