export { defineConfig } from './config.ts'
export type { Config, ProbeConfig, SuiteConfig, TargetConfig } from './config.ts'
