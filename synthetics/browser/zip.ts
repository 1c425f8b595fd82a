import { crc32, deflateRawSync, inflateRawSync } from 'node:zlib'

/*
 * As much of the ZIP format (PKWARE's APPNOTE 6.3) as Playwright's traces need: no encryption, no parts, no ZIP64.
 */

export interface ZipEntry {
  name: string
  bytes: Buffer
}

const endSignature = 0x06054b50
const entrySignature = 0x02014b50
const localSignature = 0x04034b50
const deflated = 8
/** A trace is a few megabytes; what claims to be more is not unpacked. */
const mostBytes = 256 * 1024 * 1024

/** @throws Error for what is no archive of this kind */
export function readZip(archive: Buffer): ZipEntry[] {
  const end = archive.lastIndexOf(Buffer.from([0x50, 0x4b, 0x05, 0x06]))
  if (end < 0 || archive.readUInt32LE(end) !== endSignature) throw new Error('no ZIP archive')
  const entries: ZipEntry[] = []
  let at = archive.readUInt32LE(end + 16)
  let left = mostBytes
  for (let count = archive.readUInt16LE(end + 10); count > 0; count -= 1) {
    if (archive.readUInt32LE(at) !== entrySignature) throw new Error('a broken ZIP archive')
    const [nameLength, extraLength, commentLength] = [
      archive.readUInt16LE(at + 28),
      archive.readUInt16LE(at + 30),
      archive.readUInt16LE(at + 32),
    ]
    const bytes = unpacked(archive, at, left)
    left -= bytes.length
    entries.push({ name: archive.toString('utf8', at + 46, at + 46 + nameLength), bytes })
    at += 46 + nameLength + extraLength + commentLength
  }
  return entries
}

function unpacked(archive: Buffer, at: number, mostLength: number): Buffer {
  const local = archive.readUInt32LE(at + 42)
  const begin = local + 30 + archive.readUInt16LE(local + 26) + archive.readUInt16LE(local + 28)
  const packed = archive.subarray(begin, begin + archive.readUInt32LE(at + 20))
  return archive.readUInt16LE(at + 10) === deflated
    ? inflateRawSync(packed, { maxOutputLength: Math.max(1, mostLength) })
    : packed
}

export function writeZip(entries: readonly ZipEntry[]): Buffer {
  const files: Buffer[] = []
  const directory: Buffer[] = []
  let at = 0
  for (const { name, bytes } of entries) {
    const packed = deflateRawSync(bytes)
    const fields = fieldsOf(bytes, packed, Buffer.byteLength(name))
    const local = Buffer.concat([uint32(localSignature), fields, Buffer.from(name), packed])
    // Made by version 2.0; no comment, first part, no attributes.
    directory.push(
      Buffer.concat([
        uint32(entrySignature),
        uint16(20),
        fields,
        Buffer.alloc(10),
        uint32(at),
        Buffer.from(name),
      ]),
    )
    files.push(local)
    at += local.length
  }
  const listed = Buffer.concat(directory)
  const end = Buffer.concat([
    uint32(endSignature),
    uint32(0),
    uint16(entries.length),
    uint16(entries.length),
    uint32(listed.length),
    uint32(at),
    uint16(0),
  ])
  return Buffer.concat([...files, listed, end])
}

// Version needed, names in UTF-8, deflated, no time (1980-01-01), checksum, lengths, no extra field.
function fieldsOf(bytes: Buffer, packed: Buffer, nameLength: number): Buffer {
  return Buffer.concat([
    uint16(20),
    uint16(0x0800),
    uint16(deflated),
    uint16(0),
    uint16(0x21),
    uint32(crc32(bytes)),
    uint32(packed.length),
    uint32(bytes.length),
    uint16(nameLength),
    uint16(0),
  ])
}

function uint16(value: number): Buffer {
  const buffer = Buffer.alloc(2)
  buffer.writeUInt16LE(value)
  return buffer
}

function uint32(value: number): Buffer {
  const buffer = Buffer.alloc(4)
  buffer.writeUInt32LE(value)
  return buffer
}
