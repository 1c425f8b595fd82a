export { type Config, ConfigError, type OtelConfig, readConfig } from './config.ts'
