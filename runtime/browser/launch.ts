import { chromium } from '@playwright/test'
import type { Browser, LaunchOptions } from '@playwright/test'
import { findBrowser } from './find.ts'

/** Starts the browser that `findBrowser` finds; throws an error that says what to do when there is none. */
export async function launchBrowser(
  env: NodeJS.ProcessEnv,
  options: Pick<LaunchOptions, 'args'> = {},
): Promise<Browser> {
  const browser = await findBrowser(env)
  if (browser.state !== 'ok') throw new Error(browser.reason)
  return chromium.launch({ ...browser.launchOptions, ...options })
}
