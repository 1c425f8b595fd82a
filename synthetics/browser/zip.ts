import { unzipSync, zipSync } from 'fflate'

export interface ZipEntry {
  name: string
  bytes: Buffer
}

/** A trace has a few megabytes. An archive that claims more is not unpacked. */
const maxBytes = 256 * 1024 * 1024
/** As many as a ZIP archive can have without the ZIP64 extension. */
const maxEntries = 65_535
/** Deflate compresses by at most 1032:1. An entry that claims more is damaged or hostile. */
const maxRatio = 1032

/**
 * Reads a ZIP archive. The bytes of an entry never exceed the size that its header claims.
 *
 * @throws Error if it is not a ZIP archive, or exceeds a limit
 */
export function readZip(archive: Buffer): ZipEntry[] {
  let totalBytes = 0
  let entries = 0
  if (archive.length > maxBytes) throw new Error(`ZIP archive: expected at most ${maxBytes} bytes`)
  const files = unzipSync(archive, {
    filter: ({ name, size, originalSize }) => {
      entries += 1
      totalBytes += Math.max(size, originalSize)
      if (entries > maxEntries) throw new Error(`ZIP archive: expected at most ${maxEntries} entries`)
      if (totalBytes > maxBytes) throw new Error(`ZIP archive: expected at most ${maxBytes} bytes`)
      if (originalSize > size * maxRatio) throw new Error('ZIP archive: an entry has an impossible ratio')
      if (name === '') throw new Error('ZIP archive: an entry has no name')
      return true
    },
  })
  return Object.entries(files).map(([name, bytes]) => ({
    name,
    bytes: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength),
  }))
}

/** Writes a ZIP archive. The same entries always give the same bytes. */
export function writeZip(entries: readonly ZipEntry[]): Buffer {
  // The earliest date that the format can represent.
  const mtime = new Date(1980, 0, 1)
  return Buffer.from(zipSync(Object.fromEntries(entries.map(({ name, bytes }) => [name, bytes])), { mtime }))
}
