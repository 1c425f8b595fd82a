import type { Response } from '../index.ts'

/**
 * A response as journeys see it. JSON is parsed when it is first looked at: most checks look at the status alone, and
 * parsing what nobody reads would cost the load generator more than sending the request.
 */
export function responseOf(status: number, headers: Record<string, string>, text: string): Response {
  let parsed: { json: unknown } | undefined
  return {
    status,
    headers,
    text,
    get json() {
      parsed ??= { json: parseJson(text) }
      return parsed.json
    },
  }
}

/** Headers as they came, name and value in turn, to lower-case names; repeated ones are joined by a comma. */
export function headersOf(raw: readonly string[]): Record<string, string> {
  const headers = new Map<string, string>()
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = (raw[index] ?? '').toLowerCase()
    const value = raw[index + 1] ?? ''
    const earlier = headers.get(name)
    headers.set(name, earlier === undefined ? value : `${earlier}, ${value}`)
  }
  return Object.fromEntries(headers)
}

function parseJson(text: string): unknown {
  try {
    const json: unknown = JSON.parse(text)
    return json
  } catch {
    return undefined
  }
}
