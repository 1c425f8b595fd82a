import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import type { MetricObjectWithValues, MetricValueWithName } from 'prom-client'
import { schema, zeroThreshold } from './native-histogram.ts'
import type { NativeSeries } from './native-histogram.ts'

type Values = MetricValueWithName<string>[]
/** What prom-client gives for a metric. */
export type MetricFamily = Pick<MetricObjectWithValues<Values[number]>, 'name' | 'help' | 'values'> & {
  /** A word such as `counter`, although prom-client declares the number of an enum. */
  type: unknown
}
/** The native series of a histogram, by its name. */
export type NativeFamilies = Readonly<Record<string, readonly NativeSeries[]>>

/** `MetricType` of the client model. */
const types: Readonly<Record<string, number>> = { counter: 0, gauge: 1, histogram: 4 }

/**
 * Writes metrics in the protobuf format of Prometheus: the one format that has native histograms. The numbers
 * are those of the fields in `io/prometheus/client/metrics.proto` (github.com/prometheus/client_model). Each
 * family follows its length.
 */
export function encodeFamilies(families: readonly MetricFamily[], native: NativeFamilies): Uint8Array {
  const writer = new BinaryWriter()
  for (const family of families) {
    const type = types[String(family.type)]
    if (type === undefined)
      throw new Error(
        `${family.name}: found the type ${String(family.type)}, expected a counter, a gauge or a histogram`,
      )
    writer.fork()
    text(writer, 1, family.name)
    text(writer, 2, family.help)
    writer.tag(3, WireType.Varint).int32(type)
    if (type === types['histogram']) writeHistograms(writer, family, native[family.name] ?? [])
    else for (const { labels, value } of family.values) writeNumber(writer, type, labels, value)
    writer.join()
  }
  return writer.finish()
}

function writeNumber(
  writer: BinaryWriter,
  type: number,
  labels: Values[number]['labels'],
  value: number,
): void {
  message(writer, 4, () => {
    writeLabels(writer, labels)
    message(writer, type === types['counter'] ? 3 : 2, () => double(writer, 1, value))
  })
}

function writeHistograms(
  writer: BinaryWriter,
  { name, values }: MetricFamily,
  native: readonly NativeSeries[],
): void {
  const nativeByLabels = new Map(native.map((series) => [labelKey(series.labels), series]))
  const series = Map.groupBy(values, ({ labels }) => labelKey(withoutBound(labels)))
  for (const [key, samples] of series)
    message(writer, 4, () => {
      writeLabels(writer, withoutBound(samples[0]?.labels ?? {}))
      message(writer, 7, () => {
        const own = nativeByLabels.get(key)
        writer.tag(1, WireType.Varint).uint64(own?.count ?? valueOf(samples, `${name}_count`))
        double(writer, 2, own?.sum ?? valueOf(samples, `${name}_sum`))
        for (const { labels: bucket, value } of samples)
          if (bucket['le'] !== undefined) writeBucket(writer, toNumber(bucket['le']), value)
        if (own) writeNative(writer, own)
      })
    })
}

function writeBucket(writer: BinaryWriter, upperBound: number, count: number): void {
  message(writer, 3, () => {
    writer.tag(1, WireType.Varint).uint64(count)
    double(writer, 2, upperBound)
  })
}

function writeNative(writer: BinaryWriter, { zeroCount, spans, deltas }: NativeSeries): void {
  writer.tag(5, WireType.Varint).sint32(schema)
  double(writer, 6, zeroThreshold)
  writer.tag(7, WireType.Varint).uint64(zeroCount)
  for (const { offset, length } of spans)
    message(writer, 12, () => {
      writer.tag(1, WireType.Varint).sint32(offset)
      writer.tag(2, WireType.Varint).uint32(length)
    })
  for (const delta of deltas) writer.tag(13, WireType.Varint).sint64(delta)
}

function writeLabels(writer: BinaryWriter, labels: Values[number]['labels']): void {
  for (const [name, value] of Object.entries(labels))
    message(writer, 1, () => {
      text(writer, 1, name)
      text(writer, 2, String(value))
    })
}

function labelKey(labels: Values[number]['labels']): string {
  return JSON.stringify(Object.entries(labels).toSorted(([a], [b]) => (a < b ? -1 : 1)))
}

function valueOf(samples: Values, name: string): number {
  return samples.find(({ metricName }) => metricName === name)?.value ?? 0
}

/** The labels of a histogram's series: those of its buckets have the bound too. */
function withoutBound(labels: Values[number]['labels']): Values[number]['labels'] {
  return Object.fromEntries(Object.entries(labels).filter(([name]) => name !== 'le'))
}

function toNumber(bound: string | number): number {
  return bound === '+Inf' ? Infinity : Number(bound)
}

function message(writer: BinaryWriter, field: number, content: () => void): void {
  writer.tag(field, WireType.LengthDelimited).fork()
  content()
  writer.join()
}

function text(writer: BinaryWriter, field: number, value: string): void {
  writer.tag(field, WireType.LengthDelimited).string(value)
}

function double(writer: BinaryWriter, field: number, value: number): void {
  writer.tag(field, WireType.Bit64).double(value)
}
