export { type Config, ConfigError, readConfig } from './config.ts'
export type { OtelConfig, OtlpTarget, SamplerConfig } from './otel.ts'
