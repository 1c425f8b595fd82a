import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runProbes } from '../probes.ts'
import type { ProbeResult } from '../../record/index.ts'
import { readZip } from './redaction.ts'

/* Specs of every kind, by Playwright and a real browser, against a page in this process. */
const folder = mkdtempSync(join(tmpdir(), 'vigil-spec-test-'))
const kept = join(folder, 'kept')
const traceparents: string[] = []
const paths: string[] = []
const server = createServer((request, response) => {
  traceparents.push(String(request.headers['traceparent']))
  paths.push(request.url ?? '')
  response.writeHead(200, { 'content-type': 'text/html' }).end('<h1>Here</h1><input id="p" type="password">')
})
let url: string

const specs: Record<string, string> = {
  good:
    `test('page', async ({ page }) => { await test.step('opens it', async () => { await ` +
    `page.goto('/'); await expect(page.locator('h1')).toHaveText('Here') }) })`,
  leaky: `test('leaky', async ({ page, request }) => {
    await test.step('asks', async () => {
      const headers = { authorization: 'Bearer canary-1' }
      await request.post('/', { headers, data: { password: 'canary-2' } })
      await page.setExtraHTTPHeaders({ authorization: 'Basic canary-3' })
      await page.goto('/')
      await page.fill('#p', 'canary-4')
      await page.evaluate(() => console.log('said by the page', 'Bearer canary-5'))
      await page.evaluate((text) => console.log(text), process.env.PROBE_PASSWORD)
    })
    await test.step('expects', async () => {
      expect(process.env.PROBE_PASSWORD + ' Bearer canary-6').toBe('something else')
    })
  })`,
  retried:
    `test('retried', async ({}, info) => { await test.step('step', async () => { ` +
    'expect(info.retry).toBe(1) }) })',
  paths: `test('paths', async ({ page, request, baseURL }) => {
    await test.step('opens', async () => {
      await page.goto('/a?q=1#top')
      await expect(page).toHaveURL('/a?q=1#top')
      await page.goto('b')
      await page.waitForURL('/b')
      await request.get('/c')
      await page.request.get('./d')
      expect(new URL('/e', 'http://other.example/f').href).toBe('http://other.example/e')
      await page.goto(baseURL + '/g')
    })
  })`,
  broken: `import './not-there.ts'`,
}

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  symlinkSync(fileURLToPath(new URL('../../node_modules', import.meta.url)), join(folder, 'node_modules'))
  for (const [name, body] of Object.entries(specs))
    writeFileSync(
      join(folder, `${name}.spec.ts`),
      `import { expect, test } from '@playwright/test'\n${body}\n`,
    )
  mkdirSync(join(folder, 'no-browsers'))
})
afterAll(() => {
  server.closeAllConnections()
  server.close()
  rmSync(folder, { recursive: true, force: true })
})

async function probed(
  name: string,
  more: { attempts?: number; signal?: AbortSignal; env?: NodeJS.ProcessEnv; base?: string } = {},
): Promise<ProbeResult> {
  const { attempts = 1, signal = new AbortController().signal, env = {}, base = '' } = more
  const plan = {
    targetUrl: url + base,
    journeys: [],
    probes: { [name]: { spec: `./${name}.spec.ts`, attempts } },
    run: 'r',
    signal,
    now: Date.now,
    root: folder,
    folder: kept,
  }
  const { probes } = await runProbes({
    ...plan,
    env: { ...process.env, PROBE_PASSWORD: 'canary-of-the-environment', ...env },
  })
  const [result] = probes
  if (!result) throw new Error('no result')
  return result
}

describe('a browser spec as a probe is', () => {
  it('up, with the steps that it names', async () => {
    expect(await probed('good')).toMatchObject({
      outcome: 'up',
      attempts: 1,
      steps: [{ step: 'opens-it', ok: true }],
    })
  })

  it('up with the Playwright of its own project, another copy than this one', async () => {
    const modules = fileURLToPath(new URL('../../node_modules', import.meta.url))
    for (const name of ['@playwright/test', 'playwright', 'playwright-core'])
      cpSync(join(modules, name), join(folder, 'own/node_modules', name), { recursive: true })
    writeFileSync(join(folder, 'own/package.json'), '{"type":"commonjs"}')
    writeFileSync(join(folder, 'own/page.ts'), "export const heading: string = 'Here'\n")
    writeFileSync(
      join(folder, 'own/shop.spec.ts'),
      `import { expect, test } from '@playwright/test'
import { heading } from './page'
test('page', async ({ page }) => {
  await page.goto('/')
  await expect(page.locator('h1')).toHaveText(heading)
})\n`,
    )
    expect(await probed('own/shop')).toMatchObject({ outcome: 'up', steps: [{ step: 'page', ok: true }] })
  })

  it.each([
    ['/app', ['/app/a?q=1', '/app/b', '/app/c', '/app/d', '/app/g']],
    ['/app/v1/', ['/app/v1/a?q=1', '/app/v1/b', '/app/v1/c', '/app/v1/d', '/app/v1//g']],
    ['', ['/a?q=1', '/b', '/c', '/d', '/g']],
  ])("up below the target's base path %s", async (base, expected) => {
    paths.length = 0
    expect((await probed('paths', { base })).message).toBeUndefined()
    expect(paths.filter((path) => !path.endsWith('/favicon.ico'))).toEqual(expected)
  })

  it(
    'down with its failing step; screenshot, trace and console log are kept, and no secret in any of ' +
      'them',
    async () => {
      const result = await probed('leaky')
      expect(result).toMatchObject({
        outcome: 'down',
        steps: [
          { step: 'asks', ok: true },
          { step: 'expects', ok: false, class: 'check' },
        ],
      })
      const trace = /\(trace ([0-9a-f]{32})\)/.exec(result.message ?? '')?.[1]
      expect(traceparents.filter((sent) => sent.startsWith(`00-${trace}-`)).length).toBeGreaterThanOrEqual(2)
      expect(result.message).toContain(`kept: ${join(kept, 'leaky')}`)
      const files = readdirSync(join(kept, 'leaky'))
      expect(files.toSorted()).toEqual(['console-1.log', 'screenshot-1.png', 'trace-1.zip'])
      expect(readFileSync(join(kept, 'leaky', 'console-1.log'), 'utf8')).toContain(
        'log: said by the page Bearer [redacted]',
      )
      const archive = readZip(readFileSync(join(kept, 'leaky', 'trace-1.zip')))
      expect(archive.some(({ name }) => name.endsWith('.jpeg'))).toBe(true)
      const texts = [
        JSON.stringify(result),
        ...archive.map(({ bytes }) => bytes.toString('latin1')),
        ...files.map((file) => readFileSync(join(kept, 'leaky', file), 'latin1')),
      ]
      expect(texts.filter((text) => text.includes('canary'))).toEqual([])
    },
  )

  it('degraded when it passed only on a retry', async () => {
    expect(await probed('retried', { attempts: 2 })).toMatchObject({
      outcome: 'degraded',
      attempts: 2,
      message: expect.stringMatching(/^passed only at attempt 2; before: step failed \(check\): /),
      earlier: [{ step: 'step', class: 'check' }],
    })
  })

  it('unknown when it cannot be loaded, when it is not there, and when it was interrupted', async () => {
    expect(await probed('broken')).toMatchObject({
      outcome: 'unknown',
      message: expect.stringMatching(/^the spec could not run: .*not-there/),
    })
    expect(await probed('absent')).toMatchObject({
      outcome: 'unknown',
      message: 'not run: ./absent.spec.ts does not exist',
    })
    const interruption = new AbortController()
    const interrupted = probed('good', { signal: interruption.signal })
    setTimeout(() => interruption.abort(), 300)
    expect(await interrupted).toMatchObject({ outcome: 'unknown', message: 'interrupted before it was done' })
  })

  it('unknown when no browser can be started', async () => {
    const absent = join(folder, 'no-browsers', 'chromium')
    expect(await probed('good', { env: { VIGIL_BROWSER: absent } })).toMatchObject({
      outcome: 'unknown',
      message:
        `no browser could be started on this machine: VIGIL_BROWSER names ${absent}, which is not a ` +
        'program: ' +
        'correct VIGIL_BROWSER, or unset it',
    })
  })

  it('and leaves nothing of its own run behind', () => {
    expect(readdirSync(tmpdir()).filter((name) => name.startsWith(`vigil-spec-${process.pid}-`))).toEqual([])
  })
})
