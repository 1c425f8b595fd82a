import { existsSync } from 'node:fs'
import { chromium } from 'playwright-core'
import type { Browser } from 'playwright-core'

const places = [
  chromium.executablePath(),
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
]

/** A browser of this machine: Playwright's own where it was fetched, else the system's. */
const browserPath = places.find((path) => existsSync(path))

/** Why tests in a browser are skipped, false where they are not; a CI machine without one is wrongly set up, which must be red. */
export const noBrowser: string | false =
  browserPath !== undefined || process.env['CI']
    ? false
    : 'no Chromium here: npx playwright-core install chromium, or install the package chromium'

export async function launchBrowser(): Promise<Browser> {
  if (browserPath === undefined)
    throw new Error(
      'no Chromium here, and CI is set, so the reports would go out unseen: npx playwright-core install chromium, or install the package chromium',
    )
  return chromium.launch({ executablePath: browserPath, args: ['--disable-quic', '--disable-gpu'] })
}
