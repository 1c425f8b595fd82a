import { defineConfig } from '@playwright/test'
import { findBrowser } from './runtime/browser/index.ts'

/*
 * `npx playwright test`: the journeys and the browser specs as ordinary Playwright tests. Against TARGET_URL,
 * as the project VIGIL_ENVIRONMENT (default: its host); without it against a service started for the purpose.
 */
const given = process.env['TARGET_URL']
const target = given ?? `http://127.0.0.1:${process.env['PORT'] ?? '8000'}`

const browser = await findBrowser(process.env)
if (browser.state === 'invalid') throw new Error(browser.reason)

export default defineConfig({
  testDir: './synthetics/specs',
  testMatch: '*.spec.ts',
  // One after the other: they would slow each other down, and the limits of an address are few.
  workers: 1,
  forbidOnly: process.env['CI'] !== undefined,
  retries: 0,
  reporter: 'list',
  globalTeardown: './synthetics/playwright/redact-traces.ts',
  projects: [
    { name: process.env['VIGIL_ENVIRONMENT'] ?? (given === undefined ? 'local' : new URL(given).host) },
  ],
  use: {
    baseURL: target,
    screenshot: 'only-on-failure',
    trace: { mode: 'retain-on-failure', snapshots: false, sources: false, attachments: false },
    // Without a browser the journeys still run; a test that opens a page fails with Playwright's own message.
    launchOptions: browser.state === 'ok' ? browser.launchOptions : {},
  },
  ...(given === undefined && {
    webServer: {
      // As `npm run backend`, but signals reach it without npm in between.
      command: 'node_modules/.bin/node backend/main.ts',
      url: `${target}/health/ready`,
      // Openly more than in production: all of it comes from one address. The limit of a user is as it is.
      env: { EMBEDDED_POSTGRES_DIR: '.vigil/playwright-postgres', AUTH_RATE_LIMIT_PER_MINUTE: '1000' },
      reuseExistingServer: process.env['CI'] === undefined,
      gracefulShutdown: { signal: 'SIGTERM', timeout: 10_000 },
      timeout: 60_000,
    },
  }),
})
