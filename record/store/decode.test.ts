import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeText, TextError, toUtf8 } from './decode.ts'

const swap = (bytes: Buffer): Buffer => Buffer.from(bytes).swap16()
const utf16 = (text: string): Buffer => Buffer.from(`\ufeff${text}`, 'utf16le')

const encodings: Record<string, (text: string) => Buffer> = {
  'UTF-8': (text) => Buffer.from(text),
  'UTF-8 with a mark': (text) => Buffer.from(`\ufeff${text}`),
  'UTF-16 LE': utf16,
  'UTF-16 BE': (text) => swap(utf16(text)),
}

async function streamed(bytes: Buffer, size: number): Promise<string> {
  async function* pieces(): AsyncGenerator<Buffer> {
    for (let at = 0; at < bytes.length; at += size) yield await Promise.resolve(bytes.subarray(at, at + size))
  }
  const parts: Buffer[] = []
  for await (const part of toUtf8(pieces(), 'f')) parts.push(part)
  return Buffer.concat(parts).toString()
}

describe.each(Object.entries(encodings))('text in %s', (_, encode) => {
  it.each(['', 'a', '{"a":1}\r\n', 'ä€😀', '\ufffd is a character', 'x\ufeffy'])(
    '%j is read',
    async (text) => {
      expect(decodeText(encode(text), 'f')).toBe(text)
      expect(await streamed(encode(text), 1)).toBe(text)
    },
  )

  it('is read whatever it holds and however it is cut', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary' }), fc.integer({ min: 1, max: 9 }), async (text, size) => {
        // Without its own mark, the mark of a text is its first character.
        fc.pre(!text.startsWith('\ufeff'))
        expect(decodeText(encode(text), 'f')).toBe(text)
        expect(await streamed(encode(text), size)).toBe(text)
      }),
    )
  })
})

describe('bytes that are not text are named by file and offset', () => {
  it.each([
    ['ISO 8859-1', Buffer.from('a\u00e9b', 'latin1'), 'f: byte 1: found 0xe9, '],
    ['an end in mid-character', Buffer.from('ab€').subarray(0, 4), 'f: byte 2: found 0xe2, '],
    [
      'after the character that replaces',
      Buffer.from([0xef, 0xbf, 0xbd, 0x41, 0xff]),
      'f: byte 4: found 0xff',
    ],
    ['after a mark', Buffer.from([0xef, 0xbb, 0xbf, 0x41, 0x80]), 'f: byte 4: found 0x80, '],
    ['a surrogate in UTF-8', Buffer.from([0x41, 0xed, 0xa0, 0x80]), 'f: byte 1: found 0xed, '],
    ['half a unit of UTF-16', utf16('ab').subarray(0, 5), 'f: byte 4: found 0x62, expected text in UTF-16LE'],
    ['half a pair of UTF-16', utf16('a\ud83d'), 'f: byte 4: found 0x3d, expected text in UTF-16LE'],
  ])('%s', (_, bytes, message) => {
    expect(() => decodeText(bytes, 'f')).toThrow(TextError)
    expect(() => decodeText(bytes, 'f')).toThrow(message)
  })

  it('in a stream of UTF-16', async () => {
    await expect(streamed(utf16('ab').subarray(0, 5), 2)).rejects.toThrow('f: byte 4: ')
    await expect(streamed(utf16('a\ud83db'), 64)).rejects.toThrow('f: byte 4: ')
  })
})
