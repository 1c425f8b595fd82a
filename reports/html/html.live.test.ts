import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Browser, Page } from '@playwright/test'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { launchBrowser } from '../../runtime/browser/index.ts'
import { examples } from '../testing/examples/index.ts'
import type { ReportInput } from '../input.ts'
import { htmlReport } from './report.ts'
import { oddities } from './testing/oddities.ts'
import { crampedLabels, faintTexts, malformed, tooWide } from './testing/page-checks.ts'

/** Those that look different from each other; the rest differ in figures only. */
const { passing, erring, killed, saturated, unreached, huge, hostile, duetSlower, duetHostile } = examples
const { oneSample, interrupted, gaps, millions } = oddities
const looked = Object.entries({
  passing,
  erring,
  killed,
  saturated,
  unreached,
  huge,
  hostile,
  duetSlower,
  duetHostile,
  oneSample,
  interrupted,
  gaps,
  millions,
}).flatMap(([name, example]) => (example ? [[name, example] as const] : []))

describe('the HTML report in a browser', () => {
  let browser: Browser | undefined
  let page: Page
  let folder: string
  const said: string[] = []
  const asked: string[] = []

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'vigil-html-'))
    browser = await launchBrowser(process.env, { args: ['--disable-quic', '--disable-gpu'] })
    page = await browser.newPage()
    page.on('console', (message) => said.push(message.text()))
    page.on('pageerror', (error) => said.push(String(error)))
    page.on('request', (request) => asked.push(request.url()))
    page.on('dialog', (dialog) => void dialog.dismiss().then(() => said.push('a dialog opened')))
  })
  afterAll(async () => {
    await browser?.close()
    await rm(folder, { recursive: true })
  })

  async function open(input: ReportInput): Promise<{ source: string; address: string }> {
    const source = htmlReport(input)
    const address = pathToFileURL(join(folder, 'report.html')).href
    await writeFile(join(folder, 'report.html'), source)
    said.length = 0
    asked.length = 0
    await page.goto(address)
    await page.evaluate(
      'document.querySelectorAll("details").forEach((details) => details.setAttribute("open", ""))',
    )
    return { source, address }
  }

  it('is well-formed to a strict parser, whatever it is made of', async () => {
    await page.goto('about:blank')
    const sources = Object.entries({ ...examples, ...oddities }).map(
      ([name, example]) => [name, htmlReport(example())] as const,
    )
    expect(
      await page.evaluate(
        `${JSON.stringify(sources)}.flatMap(([name, source]) => ` +
          `(${malformed})(source).map((complaint) => name + ': ' + complaint))`,
      ),
    ).toEqual([])
    expect(await page.evaluate(`(${malformed})('<p><b></p>')`)).toHaveLength(1)
  })

  it.each(looked)(
    '%s: silent, asks for nothing, fits and can be read at 360 and 1280 px, light and dark',
    async (_, example) => {
      const { address } = await open(example())
      for (const width of [360, 1280]) {
        await page.setViewportSize({ width, height: 800 })
        expect(await page.evaluate(`[...${tooWide}, ...${crampedLabels}]`), `at ${width} px`).toEqual([])
        for (const colorScheme of ['light', 'dark'] as const) {
          await page.emulateMedia({ colorScheme })
          expect(
            await page.evaluate(`[...${tooWide}, ...${faintTexts}]`),
            `${colorScheme} at ${width} px`,
          ).toEqual([])
        }
      }
      expect(said).toEqual([])
      expect(asked).toEqual([address])
    },
  )

  it('takes the scheme that the reader prefers', async () => {
    await open(examples['passing']?.() ?? expect.unreachable())
    const grounds: unknown[] = []
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme })
      grounds.push(await page.evaluate('getComputedStyle(document.body).backgroundColor'))
    }
    expect(new Set(grounds).size).toBe(2)
  })

  it('is black on white on paper, whatever the scheme, and fits on A4', async () => {
    await open(examples['erring']?.() ?? expect.unreachable())
    await page.setViewportSize({ width: 718, height: 1000 })
    await page.emulateMedia({ media: 'print', colorScheme: 'dark' })
    expect(await page.evaluate('getComputedStyle(document.body).backgroundColor')).toBe('rgb(255, 255, 255)')
    expect(await page.evaluate(faintTexts)).toEqual([])
    expect(await page.evaluate(tooWide)).toEqual([])
    await page.emulateMedia({ media: null })
  })

  it('shows the keyboard where it is: links, tables that scroll and folds have an outline', async () => {
    await open(examples['slow']?.() ?? expect.unreachable())
    await page.setViewportSize({ width: 1280, height: 800 })
    const stops = Number(await page.evaluate('document.querySelectorAll("a, summary, [tabindex]").length'))
    const outlines: unknown[] = []
    for (let stop = 0; stop < stops; stop += 1) {
      await page.keyboard.press('Tab')
      outlines.push(
        await page.evaluate(
          'getComputedStyle(document.activeElement).outlineStyle + " " + document.activeElement.tagName',
        ),
      )
    }
    expect(stops).toBeGreaterThan(4)
    expect(outlines.filter((outline) => !String(outline).startsWith('solid'))).toEqual([])
  })
})
