/** What a service says of one answer in its `Server-Timing` header; what it does not say is absent. Times in milliseconds. */
export interface ServerTiming {
  appMs?: number
  dbMs?: number
  statements?: number
  rows?: number
}

const names: Record<string, keyof ServerTiming> = {
  app: 'appMs',
  db: 'dbMs',
  sql: 'statements',
  rows: 'rows',
}

/**
 * Reads `app;dur=1.2, db;dur=3.4, sql;desc="5", rows;desc="20"`: times in `dur`, counts in `desc`, as vigil asks a service to
 * tell them (`docs/detection.md`). Metrics of other names are passed over, and so is whatever is no number from 0 up.
 */
export function readServerTiming(header: string): ServerTiming {
  const timing: ServerTiming = {}
  for (const part of header.split(',')) {
    const [name = '', ...parameters] = part.split(';').map((text) => text.trim())
    const field = Object.hasOwn(names, name) ? names[name] : undefined
    const told = parameters
      .map((text) => /^(?:dur|desc)="?(\d+(?:\.\d+)?)"?$/.exec(text)?.[1])
      .find((value) => value !== undefined)
    if (field !== undefined && told !== undefined) timing[field] = Number(told)
  }
  return timing
}
