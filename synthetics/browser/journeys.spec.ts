import { fileURLToPath } from 'node:url'
import { test } from '@playwright/test'
import { loadConfig, readSecrets } from '../../config/index.ts'
import { playAsTest } from './journey-test.ts'

// Each journey of the config as a Playwright test, with its reports, traces, -g and --repeat-each.
const root = fileURLToPath(new URL('../..', import.meta.url))
const config = await loadConfig(root, process.env['VIGIL_CONFIG'] ?? 'vigil.config.ts')
if (config.state === 'usage-error') throw new Error(config.problem)
const secrets = readSecrets(config.loaded, process.env)
if (secrets.state === 'usage-error') throw new Error(secrets.problem)

test.describe('journeys', () => {
  for (const journey of config.loaded.journeys) {
    test(journey.name, async ({ playwright, baseURL }, testInfo) => {
      const run = `${testInfo.testId}-${Date.now().toString(36)}-${testInfo.workerIndex}`
      await playAsTest({
        journey,
        step: async (title, body) => test.step(title, body),
        newContext: async () => playwright.request.newContext(),
        secrets: secrets.values,
        targetUrl: baseURL ?? config.loaded.config.target.url,
        testInfo,
        run,
        random: Math.random,
      })
    })
  }
})
