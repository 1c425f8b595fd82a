import { createRequire } from 'node:module'
import { basename, dirname } from 'node:path'
import type { BrowserType, PlaywrightTestConfig } from '@playwright/test'
import { findBrowser, keepPathsBelow } from '../../runtime/browser/index.ts'

/*
 * Playwright's config for a spec that vigil runs in a child process. All inputs come from the environment.
 *
 * Traces without snapshots contain no requests of pages, so neither their headers nor their answers.
 */
const spec = process.env['VIGIL_SPEC'] ?? ''
const timeout = Number(process.env['VIGIL_SPEC_TIMEOUT_MS'] ?? 30_000)

// The copy that runs this file, which may be the one of the spec's project: two in one process refuse each
// other.
const { chromium }: { chromium: BrowserType } = createRequire(import.meta.url)(
  process.env['VIGIL_SPEC_PLAYWRIGHT'] ?? '@playwright/test',
)
const browser = await findBrowser(process.env, { playwright: chromium.executablePath() })

const config: PlaywrightTestConfig = {
  testDir: dirname(spec),
  testMatch: basename(spec),
  outputDir: process.env['VIGIL_SPEC_OUTPUT'] ?? 'test-results',
  reporter: [['json', { outputFile: process.env['VIGIL_SPEC_REPORT'] ?? 'report.json' }]],
  workers: 1,
  retries: Number(process.env['VIGIL_SPEC_ATTEMPTS'] ?? 1) - 1,
  timeout,
  expect: { timeout: Math.min(5000, timeout) },
  forbidOnly: false,
  metadata: browser.state === 'ok' ? {} : { missingBrowser: browser.reason },
  use: {
    baseURL: keepPathsBelow(process.env['TARGET_URL'] ?? ''),
    // All requests of a spec belong to one trace.
    extraHTTPHeaders: { traceparent: process.env['VIGIL_SPEC_TRACEPARENT'] ?? '' },
    screenshot: 'only-on-failure',
    trace: {
      mode: 'retain-on-failure',
      snapshots: false,
      screenshots: true,
      sources: false,
      attachments: false,
    },
    // Without a browser, launching must fail: then only a spec that opens a page is unknown, for the reason
    // in `metadata`.
    launchOptions: browser.state === 'ok' ? browser.launchOptions : { executablePath: '/no-browser' },
  },
}

export default config
