import { defineConfig } from '@playwright/test'
import { findBrowser, keepPathsBelow } from './runtime/browser/index.ts'

/*
 * `npx playwright test` runs the journeys and the browser specs as Playwright tests against TARGET_URL. The
 * project's name is VIGIL_ENVIRONMENT, or the host. Without TARGET_URL, Playwright starts the bundled
 * service.
 */
const targetUrl = process.env['TARGET_URL']
const baseUrl = targetUrl ?? `http://127.0.0.1:${process.env['PORT'] ?? '8000'}`

const browser = await findBrowser(process.env)
if (browser.state === 'invalid') throw new Error(browser.reason)

export default defineConfig({
  testDir: '.',
  testMatch: ['synthetics/browser/*.spec.ts', 'journeys/todo/*.spec.ts'],
  // In order: parallel tests would slow each other down, and the service limits the requests of an address.
  workers: 1,
  forbidOnly: process.env['CI'] !== undefined,
  retries: 0,
  reporter: 'list',
  globalTeardown: './synthetics/browser/redact-traces.ts',
  projects: [
    {
      name: process.env['VIGIL_ENVIRONMENT'] ?? (targetUrl === undefined ? 'local' : new URL(targetUrl).host),
    },
  ],
  use: {
    baseURL: keepPathsBelow(baseUrl),
    screenshot: 'only-on-failure',
    trace: { mode: 'retain-on-failure', snapshots: false, sources: false, attachments: false },
    // Without a browser the journeys still run. A test that opens a page fails with Playwright's message.
    launchOptions: browser.state === 'ok' ? browser.launchOptions : {},
  },
  ...(targetUrl === undefined && {
    webServer: {
      // Like `npm run backend`, but signals reach it directly instead of through npm.
      command: 'node_modules/.bin/node backend/main.ts',
      url: `${baseUrl}/health/ready`,
      // Higher than in production, because all requests come from one address. A user's limit is unchanged.
      env: { EMBEDDED_POSTGRES_DIR: '.vigil/playwright-postgres', AUTH_RATE_LIMIT_PER_MINUTE: '1000' },
      reuseExistingServer: process.env['CI'] === undefined,
      gracefulShutdown: { signal: 'SIGTERM', timeout: 10_000 },
      timeout: 60_000,
    },
  }),
})
