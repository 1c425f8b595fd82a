import type { FilePart, FormValue, StepRequest } from './journey.ts'

/* Bodies of forms. Runs in k6 too, which has no URLSearchParams, FormData or TextEncoder. */

/** A body with its content type. Bytes only where text cannot hold it. */
export interface EncodedBody {
  contentType: string
  body: string | Uint8Array<ArrayBuffer>
}

/**
 * The body of a request that has a form; undefined for any other.
 *
 * @param unique separates the parts of a multipart body
 * @throws TypeError for a request with two bodies
 */
export function encodeForm(request: StepRequest, unique: string): EncodedBody | undefined {
  const given = (['json', 'body', 'form', 'multipart'] as const).filter((name) => request[name] !== undefined)
  if (given.length > 1) throw new TypeError(`expected one body, got ${given.join(' and ')}`)
  if (request.form !== undefined)
    return {
      contentType: 'application/x-www-form-urlencoded',
      body: listFields(request.form)
        .map(([name, value]) => `${encodeField(name)}=${encodeField(String(value))}`)
        .join('&'),
    }
  return request.multipart === undefined ? undefined : encodeMultipart(request.multipart, unique)
}

function listFields<Value>(fields: Readonly<Record<string, Value | Value[]>>): [string, Value][] {
  return Object.entries(fields).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value]).map((one): [string, Value] => [name, one]),
  )
}

/** As browsers encode a form: UTF-8, a plus for a space. */
function encodeField(text: string): string {
  return encodeURIComponent(wellFormed(text))
    .replaceAll(/[!'()~]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll('%20', '+')
}

// Half a surrogate pair cannot be encoded. k6's runtime has no `toWellFormed`.
function wellFormed(text: string): string {
  return text.replaceAll(/[\uD800-\uDFFF]/gu, '\uFFFD')
}

function encodeMultipart(parts: NonNullable<StepRequest['multipart']>, unique: string): EncodedBody {
  const boundary = `vigil-boundary-${unique.replaceAll(/[^\w-]/g, '-')}`.slice(-70)
  const contentType = `multipart/form-data; boundary=${boundary}`
  const contents = listFields(parts).flatMap(([name, value]): (string | number[])[] => [
    `--${boundary}\r\n${partHeaders(name, value)}\r\n\r\n`,
    contentOf(value),
    '\r\n',
  ])
  contents.push(`--${boundary}--\r\n`)
  const isText = contents.every((content) => typeof content === 'string')
  if (isText) return { contentType, body: contents.join('') }
  const bytes = contents.flatMap((content) => (typeof content === 'string' ? toUtf8(content) : content))
  return { contentType, body: new Uint8Array(bytes) }
}

function partHeaders(name: string, value: FormValue | FilePart): string {
  const disposition = `content-disposition: form-data; name="${escapeName(name)}"`
  if (typeof value !== 'object') return disposition
  const type = (value.type ?? 'application/octet-stream').replaceAll(/[\r\n]/g, ' ')
  return `${disposition}; filename="${escapeName(value.filename)}"\r\ncontent-type: ${type}`
}

/** As browsers write names: what would end them is encoded. */
function escapeName(name: string): string {
  return wellFormed(name).replaceAll('"', '%22').replaceAll('\r', '%0D').replaceAll('\n', '%0A')
}

function contentOf(value: FormValue | FilePart): string | number[] {
  if (typeof value !== 'object') return wellFormed(String(value))
  return value.base64 === undefined ? wellFormed(value.text ?? '') : fromBase64(value.base64)
}

function toUtf8(text: string): number[] {
  const bytes: number[] = []
  const encoded = encodeURIComponent(text)
  for (let at = 0; at < encoded.length; at += 1) {
    const isEscape = encoded.charAt(at) === '%'
    bytes.push(isEscape ? Number.parseInt(encoded.slice(at + 1, at + 3), 16) : encoded.charCodeAt(at))
    if (isEscape) at += 2
  }
  return bytes
}

const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'

function fromBase64(text: string): number[] {
  const bytes: number[] = []
  let [bits, count] = [0, 0]
  for (const character of text.replaceAll(/[\s=]/g, '')) {
    const digit = digits.indexOf(character)
    if (digit === -1) throw new TypeError(`expected base64, got ${JSON.stringify(character)} in it`)
    bits = ((bits << 6) | digit) & 0xff_ff
    count += 6
    if (count < 8) continue
    count -= 8
    bytes.push((bits >> count) & 0xff)
  }
  return bytes
}
