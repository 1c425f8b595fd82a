import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { launchBrowser } from '../../../runtime/browser/index.ts'
import { pushBaseline } from '../testing/baseline.ts'
import { scrapeSeconds } from '../testing/prometheus-config.ts'
import { authLimit, faultsToken, startStack } from '../testing/stack.ts'
import { startTraffic } from '../testing/traffic.ts'
import { drawDashboards } from './page.ts'

/*
 * npm run dashboards:pictures
 *
 * Makes the pictures in the documents: starts the stack, sends some minutes of mixed traffic with a few
 * faults, draws
 * the dashboards, and takes screenshots with Chromium. MINUTES sets the duration (4), PAGES a folder for the
 * pages.
 */
const minutes = Number(process.env['MINUTES'] ?? 4)
const pictures = fileURLToPath(new URL('../../../docs/pictures', import.meta.url))

const folder = mkdtempSync(join(tmpdir(), 'vigil-pictures-'))
const stack = await startStack(folder, { rules: true })
const traffic = startTraffic(stack.backend, faultsToken, authLimit + 20)
try {
  const from = Math.floor(Date.now() / 1000)
  // The load run is in the second half, so that the pictures show the time before and after it.
  await sleep(minutes * 30_000)
  await stack.vigil(['gate', '--engine', 'k6'])
  await sleep(3000)
  await pushBaseline(stack.prometheus, stack.pushgateway)
  await sleep(minutes * 30_000)
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
