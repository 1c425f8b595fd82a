import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
} from '@opentelemetry/sdk-trace'
import type { Sampler } from '@opentelemetry/sdk-trace'
import type { SamplerConfig } from '../../config/index.ts'

/** The library's sampler for the configured one. */
export function samplerOf({ ratio, parentBased }: SamplerConfig): Sampler {
  const root = rootSampler(ratio)
  return parentBased ? new ParentBasedSampler({ root }) : root
}

function rootSampler(ratio: number): Sampler {
  if (ratio === 1) return new AlwaysOnSampler()
  return ratio === 0 ? new AlwaysOffSampler() : new TraceIdRatioBasedSampler(ratio)
}
