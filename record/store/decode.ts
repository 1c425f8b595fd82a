import { readFile } from 'node:fs/promises'
import { TextDecoder } from 'node:util'

/** Bytes of a file that are not text; the message is one line with the offset of the first one. */
export class TextError extends Error {
  override name = 'TextError'
}

type Encoding = 'utf-8' | 'utf-16le' | 'utf-16be'

const marks: readonly { encoding: Encoding; bytes: readonly number[] }[] = [
  { encoding: 'utf-8', bytes: [0xef, 0xbb, 0xbf] },
  { encoding: 'utf-16le', bytes: [0xff, 0xfe] },
  { encoding: 'utf-16be', bytes: [0xfe, 0xff] },
]
const longestMark = 3
const replacement = '\ufffd'

/**
 * The text of a file that a user or another tool wrote: UTF-8 with or without a byte order mark, or UTF-16
 * with one, as editors and shells on Windows write it. Throws a {@link TextError} that begins with `where`.
 */
export function decodeText(bytes: Uint8Array, where: string): string {
  const { encoding, length } = findMark(bytes)
  return decode(bytes, where, encoding, length)
}

/** The same for one line of a text in UTF-8. */
export function decodeLine(bytes: Uint8Array, where: string): string {
  return decode(bytes, where, 'utf-8', 0)
}

function decode(bytes: Uint8Array, where: string, encoding: Encoding, start: number): string {
  const body = bytes.subarray(start)
  try {
    return new TextDecoder(encoding, { fatal: true, ignoreBOM: true }).decode(body)
  } catch {
    const at = findInvalid(body, encoding)
    throw new TextError(describe(where, start + at, body[at], encoding))
  }
}

/** Reads a whole file of a user. Errors of the disk are thrown as they come. */
export async function readText(file: string): Promise<string> {
  return decodeText(await readFile(file), file)
}

/**
 * The same text as UTF-8 without a byte order mark, piece by piece. Bytes that are not UTF-8 pass: the caller
 * decodes and reports them line by line.
 */
export async function* toUtf8(chunks: AsyncIterable<Buffer>, where: string): AsyncGenerator<Buffer> {
  let start: Buffer | undefined = Buffer.alloc(0)
  let decoder: TextDecoder | undefined
  let offset = 0
  const convert = (chunk: Buffer): Buffer => {
    if (decoder === undefined) return chunk
    try {
      return Buffer.from(decoder.decode(chunk, { stream: true }))
    } catch {
      throw new TextError(
        describe(where, offset + findInvalid(chunk, decoder.encoding), undefined, decoder.encoding),
      )
    } finally {
      offset += chunk.length
    }
  }
  const begin = (bytes: Buffer): Buffer => {
    const { encoding, length } = findMark(bytes)
    if (encoding !== 'utf-8') decoder = new TextDecoder(encoding, { fatal: true, ignoreBOM: true })
    offset = length
    return convert(bytes.subarray(length))
  }
  for await (const chunk of chunks) {
    if (start === undefined) yield convert(chunk)
    else {
      start = Buffer.concat([start, chunk])
      if (start.length < longestMark) continue
      yield begin(start)
      start = undefined
    }
  }
  if (start !== undefined) yield begin(start)
  if (isCutShort(decoder))
    throw new TextError(describe(where, offset - 1, undefined, decoder?.encoding ?? 'utf-8'))
}

function isCutShort(decoder: TextDecoder | undefined): boolean {
  try {
    decoder?.decode()
    return false
  } catch {
    return true
  }
}

function findMark(bytes: Uint8Array): { encoding: Encoding; length: number } {
  const found = marks.find((mark) => mark.bytes.every((byte, index) => bytes[index] === byte))
  return { encoding: found?.encoding ?? 'utf-8', length: found?.bytes.length ?? 0 }
}

/** The offset of the first byte that the encoding does not allow. */
function findInvalid(bytes: Uint8Array, encoding: string): number {
  const text = new TextDecoder(encoding, { ignoreBOM: true }).decode(bytes)
  const [unit, own] = encoding === 'utf-8' ? ['utf8' as const, [0xef, 0xbf, 0xbd]] : ['utf16le' as const, []]
  let offset = 0
  let from = 0
  for (let at = text.indexOf(replacement); at !== -1; at = text.indexOf(replacement, from)) {
    offset += Buffer.byteLength(text.slice(from, at), unit)
    // The character itself may be in the text.
    const isOwn =
      unit === 'utf8'
        ? own.every((byte, index) => bytes[offset + index] === byte)
        : (bytes[offset] ?? 0) + (bytes[offset + 1] ?? 0) === 0xff + 0xfd
    if (!isOwn) return offset
    offset += own.length || 2
    from = at + 1
  }
  return Math.max(0, bytes.length - 1)
}

function describe(where: string, offset: number, byte: number | undefined, encoding: string): string {
  const found = byte === undefined ? '' : `found 0x${byte.toString(16).padStart(2, '0')}, `
  const expected = encoding === 'utf-8' ? 'UTF-8, or UTF-16 with a byte order mark' : encoding.toUpperCase()
  return `${where}: byte ${offset}: ${found}expected text in ${expected}`
}
