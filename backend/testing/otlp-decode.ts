/**
 * Decodes protobuf messages from tables of their fields, without the library that encoded them, which would
 * hide its own errors. Field numbers and types are those of opentelemetry-proto 1.x (trace, metrics, common,
 * resource).
 */
type Kind =
  | 'string'
  | 'bytes'
  | 'bool'
  | 'varint'
  | 'fixed64'
  | 'sfixed64'
  | 'fixed32'
  | 'double'
  | 'packedFixed64'
  | 'packedDouble'
type Field = [name: string, kind: Kind | (() => Message), repeated?: 'repeated']
type Message = Readonly<Record<number, Field>>

const anyValue: Message = {
  1: ['stringValue', 'string'],
  2: ['boolValue', 'bool'],
  3: ['intValue', 'varint'],
  4: ['doubleValue', 'double'],
  5: ['arrayValue', () => arrayValue],
}
const arrayValue: Message = { 1: ['values', () => anyValue, 'repeated'] }
const keyValue: Message = { 1: ['key', 'string'], 2: ['value', () => anyValue] }
const attributes: Field = ['attributes', () => keyValue, 'repeated']
const scope: Message = { 1: ['name', 'string'], 2: ['version', 'string'], 3: attributes }
const resource: Message = { 1: attributes }
/** The fields that a link and a span begin with. */
const identity: Message = { 1: ['traceId', 'bytes'], 2: ['spanId', 'bytes'], 3: ['traceState', 'string'] }
const link: Message = {
  ...identity,
  4: attributes,
  6: ['flags', 'fixed32'],
}
const event: Message = { 1: ['timeUnixNano', 'fixed64'], 2: ['name', 'string'], 3: attributes }
const status: Message = { 2: ['message', 'string'], 3: ['code', 'varint'] }
const span: Message = {
  ...identity,
  4: ['parentSpanId', 'bytes'],
  5: ['name', 'string'],
  6: ['kind', 'varint'],
  7: ['startTimeUnixNano', 'fixed64'],
  8: ['endTimeUnixNano', 'fixed64'],
  9: attributes,
  11: ['events', () => event, 'repeated'],
  13: ['links', () => link, 'repeated'],
  15: ['status', () => status],
}
const scopeSpans: Message = { 1: ['scope', () => scope], 2: ['spans', () => span, 'repeated'] }
const resourceSpans: Message = {
  1: ['resource', () => resource],
  2: ['scopeSpans', () => scopeSpans, 'repeated'],
}

/** The times of every data point. */
const pointTimes: Message = { 2: ['startTimeUnixNano', 'fixed64'], 3: ['timeUnixNano', 'fixed64'] }
const numberPoint: Message = {
  ...pointTimes,
  4: ['asDouble', 'double'],
  6: ['asInt', 'sfixed64'],
  7: ['attributes', () => keyValue, 'repeated'],
}
const buckets: Message = { 6: ['bucketCounts', 'packedFixed64'], 7: ['explicitBounds', 'packedDouble'] }
const histogramPoint: Message = {
  ...pointTimes,
  ...buckets,
  4: ['count', 'fixed64'],
  5: ['sum', 'double'],
  9: ['attributes', () => keyValue, 'repeated'],
}
const gauge: Message = { 1: ['dataPoints', () => numberPoint, 'repeated'] }
const sum: Message = {
  1: ['dataPoints', () => numberPoint, 'repeated'],
  2: ['aggregationTemporality', 'varint'],
  3: ['isMonotonic', 'bool'],
}
const histogram: Message = {
  1: ['dataPoints', () => histogramPoint, 'repeated'],
  2: ['aggregationTemporality', 'varint'],
}
const metric: Message = {
  1: ['name', 'string'],
  2: ['description', 'string'],
  3: ['unit', 'string'],
  5: ['gauge', () => gauge],
  7: ['sum', () => sum],
  9: ['histogram', () => histogram],
}
const scopeMetrics: Message = { 1: ['scope', () => scope], 2: ['metrics', () => metric, 'repeated'] }
const resourceMetrics: Message = {
  1: ['resource', () => resource],
  2: ['scopeMetrics', () => scopeMetrics, 'repeated'],
}

const requests = {
  '/v1/traces': { 1: ['resourceSpans', () => resourceSpans, 'repeated'] },
  '/v1/metrics': { 1: ['resourceMetrics', () => resourceMetrics, 'repeated'] },
} satisfies Record<string, Message>

/** Decodes an OTLP request to the shape of its JSON encoding. Throws unless the body is protobuf. */
export function decodeProtobuf(path: keyof typeof requests, body: Buffer): unknown {
  return read(requests[path], body)
}

function read(message: Message, bytes: Buffer): Record<string, unknown> {
  const cursor = new Cursor(bytes)
  const result: Record<string, unknown> = {}
  while (!cursor.done) {
    const tag = Number(cursor.varint())
    const field = message[tag >>> 3]
    const wire = cursor.value(tag & 7)
    if (field === undefined) continue
    const [name, kind, repeated] = field
    const value = typeof kind === 'function' ? read(kind(), requireBuffer(wire)) : scalar(kind, wire)
    if (repeated === undefined) result[name] = value
    else result[name] = [...((result[name] as unknown[] | undefined) ?? []), value]
  }
  return result
}

type Wire = bigint | Buffer

function requireBuffer(wire: Wire): Buffer {
  if (typeof wire === 'bigint') throw new Error('a number where bytes were expected')
  return wire
}

function scalar(kind: Kind, wire: Wire): unknown {
  if (typeof wire === 'bigint') return kind === 'bool' ? wire !== 0n : Number(BigInt.asIntN(64, wire))
  switch (kind) {
    case 'string':
      return wire.toString()
    case 'bytes':
      return wire.toString('hex')
    case 'double':
      return wire.readDoubleLE()
    case 'fixed64':
      return wire.readBigUInt64LE().toString()
    case 'sfixed64':
      return wire.readBigInt64LE().toString()
    case 'fixed32':
      return wire.readUInt32LE()
    case 'packedFixed64':
      return splitEights(wire).map((eight) => eight.readBigUInt64LE().toString())
    case 'packedDouble':
      return splitEights(wire).map((eight) => eight.readDoubleLE())
    case 'bool':
    case 'varint':
      throw new Error(`bytes where ${kind} was expected`)
  }
}

function splitEights(bytes: Buffer): Buffer[] {
  return Array.from({ length: bytes.length / 8 }, (_none, index) => bytes.subarray(index * 8, index * 8 + 8))
}

/** https://protobuf.dev/programming-guides/encoding/ */
class Cursor {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  get done(): boolean {
    return this.#at >= this.#bytes.length
  }

  varint(): bigint {
    let value = 0n
    for (let shift = 0n; ; shift += 7n) {
      const byte = this.#bytes.readUInt8(this.#at++)
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return value
    }
  }

  /** A varint as a number, other types as bytes. */
  value(wireType: number): Wire {
    if (wireType === 0) return this.varint()
    if (wireType === 1) return this.#take(8)
    if (wireType === 5) return this.#take(4)
    if (wireType === 2) return this.#take(Number(this.varint()))
    throw new Error(`wire type ${wireType}`)
  }

  #take(length: number): Buffer {
    const end = this.#at + length
    if (end > this.#bytes.length) throw new Error('cut off')
    const taken = this.#bytes.subarray(this.#at, end)
    this.#at = end
    return taken
  }
}
