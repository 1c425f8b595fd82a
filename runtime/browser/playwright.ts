import { existsSync } from 'node:fs'
import type { Browser, LaunchOptions } from '@playwright/test'
import { toAddress } from '../../journeys/index.ts'
import { isProgram } from '../tools/index.ts'
import { npmChromium } from './npm-chromium.ts'

/** `invalid`: `VIGIL_BROWSER` is wrong, which is not a reason to search elsewhere. */
export type FoundBrowser =
  | { state: 'ok'; origin: 'variable' | 'playwright' | 'machine' | 'npm'; launchOptions: LaunchOptions }
  | { state: 'invalid' | 'missing'; reason: string }

/** Where to search when `VIGIL_BROWSER` is not set. */
export interface BrowserPlaces {
  /** The path at which Playwright installs its own browser. */
  playwright: string
  /** Paths at which packages of the operating system install one, in the order of the search. */
  machine: readonly string[]
}

const machine = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']

/**
 * Finds a browser, in this order: `VIGIL_BROWSER`, Playwright's own, the machine's, the npm package
 * `@sparticuz/chromium`. Everything in this repository that starts a browser finds it here.
 *
 * Playwright is imported only when its own browser has to be looked for: where another copy of Playwright
 * runs, as the one of a user's project, importing this one would be refused.
 */
export async function findBrowser(
  env: NodeJS.ProcessEnv,
  places: Partial<BrowserPlaces> = {},
): Promise<FoundBrowser> {
  const named = env['VIGIL_BROWSER']
  if (named !== undefined && named !== '')
    return (await isProgram(named))
      ? { state: 'ok', origin: 'variable', launchOptions: { executablePath: named } }
      : {
          state: 'invalid',
          reason: `VIGIL_BROWSER names ${named}, which is not a program: correct VIGIL_BROWSER, or unset it`,
        }
  // Without a path Playwright takes its headless build, which it installs next to the browser.
  const own = places.playwright ?? (await import('@playwright/test')).chromium.executablePath()
  if (existsSync(own)) return { state: 'ok', origin: 'playwright', launchOptions: {} }
  const executablePath = (places.machine ?? machine).find((path) => existsSync(path))
  if (executablePath !== undefined)
    return { state: 'ok', origin: 'machine', launchOptions: { executablePath } }
  const fromNpm = await npmChromium(env)
  if (fromNpm.state === 'ok') return { state: 'ok', origin: 'npm', launchOptions: fromNpm.launchOptions }
  return {
    state: 'missing',
    reason:
      `no browser on this machine (${fromNpm.reason}): run npx playwright install chromium, ` +
      'install the package chromium, or set VIGIL_BROWSER',
  }
}

/** Starts the browser that `findBrowser` finds; throws an error that says what to do when there is none. */
export async function launchBrowser(
  env: NodeJS.ProcessEnv,
  options: Pick<LaunchOptions, 'args'> = {},
): Promise<Browser> {
  const browser = await findBrowser(env)
  if (browser.state !== 'ok') throw new Error(browser.reason)
  const { chromium } = await import('@playwright/test')
  return chromium.launch({ ...browser.launchOptions, ...options })
}

/**
 * Makes a spec's paths those below the target's URL, as a journey's are: with `http://host/app`,
 * `goto('/login')` opens `http://host/app/login`. Call it in Playwright's config, which each worker loads.
 *
 * Playwright has no option for it: `goto`, `request`, `toHaveURL`, `waitForURL` and `route` all compute
 * `new URL(path, baseURL)`, which drops the base path. So that call, with exactly this base, is replaced in
 * the worker; all others are left as they are.
 *
 * @returns the `baseURL` to configure
 */
export function keepPathsBelow(targetUrl: string): string {
  if (!URL.canParse(targetUrl) || toAddress(targetUrl).prefix === '') return targetUrl
  const folder = `${targetUrl.replace(/\/+$/, '')}/`
  globalThis.URL = new Proxy(URL, {
    construct: (original, args: unknown[]) => {
      const [path, base] = args
      if (base !== targetUrl || typeof path !== 'string') return Reflect.construct(original, args)
      return new original(/^\/(?!\/)/.test(path) ? `.${path}` : path, folder)
    },
  })
  return targetUrl
}
