import { crc32, deflateSync, inflateSync } from 'node:zlib'

const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])
const mostColours = 256

/**
 * A screenshot with at most 256 colours instead of 16 million: a drawing of lines has few more, and the file is a third.
 * Takes PNG of 8 bits a channel, RGB or RGBA, not interlaced, as Chromium writes it; throws on any other.
 */
export function indexedPng(png: Buffer): Buffer {
  const { width, height, channels, data } = decodePng(png)
  const { palette, indexOf } = paletteOf(data, channels)
  const rows = Buffer.alloc((width + 1) * height)
  for (let y = 0; y < height; y += 1) {
    // The first byte of a row is its filter: none, which is best for indices.
    for (let x = 0; x < width; x += 1)
      rows[y * (width + 1) + 1 + x] = indexOf(colourAt(data, (y * width + x) * channels))
  }
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  header.set([8, 3, 0, 0, 0], 8)
  const colours = Buffer.from(palette.flatMap((colour) => [colour >> 16, (colour >> 8) & 255, colour & 255]))
  return Buffer.concat([
    signature,
    chunk('IHDR', header),
    chunk('PLTE', colours),
    chunk('IDAT', deflateSync(rows, { level: 9, memLevel: 9 })),
    chunk('IEND', Buffer.alloc(0)),
  ])
}

export interface Pixels {
  width: number
  height: number
  channels: 3 | 4
  data: Buffer
}

/** The pixels of a PNG of that kind, row by row. */
export function decodePng(png: Buffer): Pixels {
  const parts: Buffer[] = []
  let [width, height, channels]: [number, number, 3 | 4] = [0, 0, 3]
  for (let at = signature.length; at < png.length;) {
    const length = png.readUInt32BE(at)
    const type = png.toString('latin1', at + 4, at + 8)
    const body = png.subarray(at + 8, at + 8 + length)
    if (type === 'IHDR') {
      const [depth, colours, , , interlace] = body.subarray(8)
      if (depth !== 8 || (colours !== 2 && colours !== 6) || interlace !== 0)
        throw new Error(
          `PNG: found depth ${depth}, colour type ${colours}, interlace ${interlace}, expected 8, 2 or 6, 0`,
        )
      ;[width, height, channels] = [body.readUInt32BE(0), body.readUInt32BE(4), colours === 2 ? 3 : 4]
    }
    if (type === 'IDAT') parts.push(body)
    at += length + 12
  }
  return {
    width,
    height,
    channels,
    data: unfilter(inflateSync(Buffer.concat(parts)), width * channels, height, channels),
  }
}

/** Undoes the filters of PNG, section 9 of its specification: each byte is told relative to those left, above, and above left. */
function unfilter(raw: Buffer, stride: number, height: number, channels: number): Buffer {
  const data = Buffer.alloc(stride * height)
  for (let y = 0; y < height; y += 1) {
    const filter = raw[y * (stride + 1)] ?? 0
    for (let x = 0; x < stride; x += 1) {
      const left = x < channels ? 0 : (data[y * stride + x - channels] ?? 0)
      const above = y === 0 ? 0 : (data[(y - 1) * stride + x] ?? 0)
      const corner = x < channels || y === 0 ? 0 : (data[(y - 1) * stride + x - channels] ?? 0)
      const predicted = [0, left, above, (left + above) >> 1, paeth(left, above, corner)][filter] ?? 0
      data[y * stride + x] = (raw[y * (stride + 1) + 1 + x] ?? 0) + predicted
    }
  }
  return data
}

function paeth(left: number, above: number, corner: number): number {
  const guess = left + above - corner
  const [a, b, c] = [Math.abs(guess - left), Math.abs(guess - above), Math.abs(guess - corner)]
  if (a <= b && a <= c) return left
  return b <= c ? above : corner
}

function colourAt(data: Buffer, at: number): number {
  return ((data[at] ?? 0) << 16) | ((data[at + 1] ?? 0) << 8) | (data[at + 2] ?? 0)
}

/** The most frequent colours; each other one becomes the nearest of them. */
function paletteOf(
  data: Buffer,
  channels: number,
): { palette: number[]; indexOf: (colour: number) => number } {
  const counts = new Map<number, number>()
  for (let at = 0; at < data.length; at += channels) {
    const colour = colourAt(data, at)
    counts.set(colour, (counts.get(colour) ?? 0) + 1)
  }
  const palette = [...counts]
    .toSorted(([, a], [, b]) => b - a)
    .slice(0, mostColours)
    .map(([colour]) => colour)
  const known = new Map(palette.map((colour, index) => [colour, index]))
  const indexOf = (colour: number): number => {
    const found = known.get(colour) ?? nearest(palette, colour)
    known.set(colour, found)
    return found
  }
  return { palette, indexOf }
}

function nearest(palette: readonly number[], colour: number): number {
  const distance = (other: number): number =>
    [16, 8, 0].reduce((sum, shift) => sum + (((colour >> shift) & 255) - ((other >> shift) & 255)) ** 2, 0)
  return palette.reduce(
    (best, other, index) => (distance(other) < distance(palette[best] ?? 0) ? index : best),
    0,
  )
}

function chunk(type: string, body: Buffer): Buffer {
  const named = Buffer.concat([Buffer.from(type, 'latin1'), body])
  const [length, check] = [Buffer.alloc(4), Buffer.alloc(4)]
  length.writeUInt32BE(body.length)
  check.writeUInt32BE(crc32(named))
  return Buffer.concat([length, named, check])
}
