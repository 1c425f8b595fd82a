import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace'
import type { ReadableSpan } from '@opentelemetry/sdk-trace'
import { expect, onTestFinished, test } from 'vitest'
import { OtlpReceiver } from '../../testing/otlp.ts'
import { createSpanExporter } from './telemetry.ts'

function aSpan(): ReadableSpan[] {
  const memory = new InMemorySpanExporter()
  new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter: memory })] })
    .getTracer('test')
    .startSpan('one')
    .end()
  return memory.getFinishedSpans()
}

test.each(['silent', 'dripping'] as const)(
  'an export to a collector that is %s ends: it holds neither its spans nor a connection for good',
  async (how) => {
    const receiver = await OtlpReceiver.start()
    onTestFinished(() => receiver.end())
    await receiver.behave(how)
    const exporter = await createSpanExporter({
      url: `${receiver.endpoint}/v1/traces`,
      protocol: 'http/protobuf',
      headers: {},
      compression: 'none',
      timeoutMs: 1000,
    })
    await new Promise((resolve) => exporter.export(aSpan(), resolve))
    await exporter.shutdown()
    expect((await receiver.received()).attempts).toBe(1)
  },
)
