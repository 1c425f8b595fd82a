import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import { nativeSchema, nativeZeroThreshold } from '../../record/index.ts'
import type { NativeSeries } from '../../record/index.ts'

type Labels = Readonly<Partial<Record<string, string | number>>>
type Values = readonly {
  labels: Labels
  value: number
  /** With the suffix of a histogram's or a summary's sample; missing: the family's name. */
  metricName?: string
}[]

/** A metric in the form that prom-client gives it. */
export interface MetricFamily {
  name: string
  help: string
  /** A word such as `counter`, although prom-client declares the number of an enum. */
  type: unknown
  values: Values
}

/** The native series of a histogram, by its name. */
export type NativeFamilies = Readonly<Record<string, readonly NativeSeries[]>>

/** What a client accepts, and a push has, for this format. */
export const protobufType =
  'application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited'

/** `MetricType` of the client model. */
const types: Readonly<Record<string, number>> = { counter: 0, gauge: 1, summary: 2, histogram: 4 }

/**
 * Writes metrics in the protobuf format of Prometheus: the one format that has native histograms. The numbers
 * are those of the fields in `io/prometheus/client/metrics.proto` (github.com/prometheus/client_model). Each
 * family follows its length.
 */
export function encodeFamilies(
  families: readonly MetricFamily[],
  native: NativeFamilies,
): Uint8Array<ArrayBuffer> {
  const writer = new BinaryWriter()
  for (const family of families) {
    const type = types[String(family.type)]
    if (type === undefined)
      throw new Error(
        `${family.name}: found ${String(family.type)}, expected counter, gauge, summary or histogram`,
      )
    writer.fork()
    text(writer, 1, family.name)
    text(writer, 2, family.help)
    writer.tag(3, WireType.Varint).int32(type)
    if (type === types['histogram']) writeHistograms(writer, family, native[family.name] ?? [])
    else if (type === types['summary']) writeSummaries(writer, family)
    else for (const { labels, value } of family.values) writeNumber(writer, type, labels, value)
    writer.join()
  }
  return writer.finish()
}

function writeNumber(writer: BinaryWriter, type: number, labels: Labels, value: number): void {
  message(writer, 4, () => {
    writeLabels(writer, labels)
    message(writer, type === types['counter'] ? 3 : 2, () => double(writer, 1, value))
  })
}

function writeSummaries(writer: BinaryWriter, { name, values }: MetricFamily): void {
  for (const samples of Map.groupBy(values, ({ labels }) => labelKey(without('quantile', labels))).values())
    message(writer, 4, () => {
      writeLabels(writer, without('quantile', samples[0]?.labels ?? {}))
      message(writer, 4, () => {
        writer.tag(1, WireType.Varint).uint64(valueOf(samples, `${name}_count`))
        double(writer, 2, valueOf(samples, `${name}_sum`))
        for (const { labels, value } of samples)
          if (labels['quantile'] !== undefined)
            message(writer, 3, () => {
              double(writer, 1, Number(labels['quantile']))
              double(writer, 2, value)
            })
      })
    })
}

function writeHistograms(
  writer: BinaryWriter,
  { name, values }: MetricFamily,
  native: readonly NativeSeries[],
): void {
  const nativeByLabels = new Map(native.map((series) => [labelKey(series.labels), series]))
  const series = Map.groupBy(values, ({ labels }) => labelKey(without('le', labels)))
  for (const [key, samples] of series)
    message(writer, 4, () => {
      writeLabels(writer, without('le', samples[0]?.labels ?? {}))
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
  writer.tag(5, WireType.Varint).sint32(nativeSchema)
  double(writer, 6, nativeZeroThreshold)
  writer.tag(7, WireType.Varint).uint64(zeroCount)
  for (const { offset, length } of spans)
    message(writer, 12, () => {
      writer.tag(1, WireType.Varint).sint32(offset)
      writer.tag(2, WireType.Varint).uint32(length)
    })
  for (const delta of deltas) writer.tag(13, WireType.Varint).sint64(delta)
}

function writeLabels(writer: BinaryWriter, labels: Labels): void {
  for (const [name, value] of Object.entries(labels))
    message(writer, 1, () => {
      text(writer, 1, name)
      text(writer, 2, String(value))
    })
}

function labelKey(labels: Labels): string {
  return JSON.stringify(Object.entries(labels).toSorted(([a], [b]) => (a < b ? -1 : 1)))
}

function valueOf(samples: Values, name: string): number {
  return samples.find(({ metricName }) => metricName === name)?.value ?? 0
}

/** The labels of a series: those of its buckets or quantiles have one more. */
function without(label: string, labels: Labels): Labels {
  return Object.fromEntries(Object.entries(labels).filter(([name]) => name !== label))
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
