import { chromium } from '@playwright/test'
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { npmChromium } from './npm-chromium.ts'
import { temporaryFolder } from '../testing/temporary-folder.ts'

const folder = temporaryFolder('unpack')

it('two searches that unpack the browser at the same time both find one that draws a page', async () => {
  const env = { ...process.env, VIGIL_TOOLS_DIR: folder }
  const both = await Promise.all([npmChromium(env), npmChromium(env)])
  expect(both).toEqual([
    { state: 'ok', launchOptions: expect.anything() },
    { state: 'ok', launchOptions: expect.anything() },
  ])
  // No scratch folder is left, and only the user can write to what is there.
  const [unpacked = '', ...more] = readdirSync(folder)
  expect([unpacked, more]).toEqual([expect.stringMatching(/^chromium-\d/), []])
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    const { uid, mode } = statSync(join(folder, name))
    expect([name, uid, mode & 0o022]).toEqual([name, process.getuid?.(), 0])
  }
  const [first] = both
  if (first.state !== 'ok') throw new Error(first.reason)
  const browser = await chromium.launch(first.launchOptions)
  try {
    const page = await browser.newPage()
    await page.setContent('<p id="p">drawn</p>')
    expect(await page.evaluate('document.querySelector("#p").getBoundingClientRect().height > 0')).toBe(true)
  } finally {
    await browser.close()
  }
})
