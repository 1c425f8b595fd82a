export { defineConfig } from './config.ts'
export type { Config, ForecastConfig, ProbeConfig, SuiteConfig, TargetConfig } from './config.ts'
