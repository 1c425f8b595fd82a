import { fileURLToPath } from 'node:url'
import { test } from '@playwright/test'
import { loadConfig, readSecrets } from '../../config/index.ts'
import { testJourneys } from './journey-test.ts'

// Each journey of the config as a Playwright test, with its reports, traces, -g and --repeat-each.
const root = fileURLToPath(new URL('../..', import.meta.url))
const config = await loadConfig(root, process.env['VIGIL_CONFIG'] ?? 'vigil.config.ts')
if (config.state === 'usage-error') throw new Error(config.problem)
const secrets = readSecrets(config.loaded, process.env)
if (secrets.state === 'usage-error') throw new Error(secrets.problem)

testJourneys(test, config.loaded.journeys, {
  targetUrl: config.loaded.config.target.url,
  secrets: secrets.values,
})
