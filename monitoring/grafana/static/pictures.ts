import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { launchBrowser } from '../../../runtime/browser/index.ts'
import { pushBaseline } from '../testing/baseline.ts'
import { scrapeSeconds } from '../testing/prometheus-config.ts'
import { startQuietTraffic } from '../testing/quiet-traffic.ts'
import { faultsToken, startStack } from '../testing/stack.ts'
import { drawDashboards } from './page.ts'

/*
 * npm run dashboards:pictures
 *
 * Makes the pictures in the documents: starts the stack, sends quiet traffic with one incident in the middle
 * (the API loses its database for some minutes), draws the dashboards, and takes screenshots with Chromium.
 * MINUTES sets the duration (16), PAGES a folder for the pages.
 */
const minutes = Number(process.env['MINUTES'] ?? 16)
const pictures = fileURLToPath(new URL('../../../docs/pictures', import.meta.url))

const folder = mkdtempSync(join(tmpdir(), 'vigil-pictures-'))
const stack = await startStack(folder, { rules: true })
const traffic = startQuietTraffic(stack.backend)
try {
  const from = Math.floor(Date.now() / 1000)
  // In the first part, so that the pictures show the time before and after it.
  await sleep(minutes * 12_000)
  await stack.vigil(['gate', '--engine', 'k6'])
  await sleep(3000)
  await pushBaseline(stack.prometheus, stack.pushgateway)
  await sleep(minutes * 12_000)
  await loseDatabase(minutes * 12)
  await sleep(minutes * 36_000)
  const to = Math.floor(Date.now() / 1000)
  const step = Math.max(1, Math.round((to - from) / 240))
  const pages = await drawDashboards(
    { prometheus: stack.prometheus, span: { from, to, step }, window: 20, scrapeInterval: scrapeSeconds },
    process.env['PAGES'] ?? join(folder, 'pages'),
  )
  await photograph(pages)
} finally {
  await traffic.stop()
  await stack.stop()
  rmSync(folder, { recursive: true, force: true })
}

async function loseDatabase(seconds: number): Promise<void> {
  const response = await fetch(`${stack.backend}/_faults`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${faultsToken}`, 'content-type': 'application/json' },
    body: JSON.stringify({ rules: [{ dbDown: true }], ttlSeconds: Math.round(seconds) }),
  })
  if (!response.ok) throw new Error(`${stack.backend}/_faults: expected 200, got ${response.status}`)
}

async function photograph(pages: readonly string[]): Promise<void> {
  const browser = await launchBrowser(process.env)
  try {
    const page = await browser.newPage({ viewport: { width: 1600, height: 900 } })
    for (const file of pages) {
      await page.goto(`file://${file}`)
      const picture = join(pictures, `${basename(file, '.html')}.png`)
      await page.screenshot({ path: picture, fullPage: true })
    }
  } finally {
    await browser.close()
  }
}
