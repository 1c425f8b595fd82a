import { existsSync } from 'node:fs'
import { chromium } from '@playwright/test'

const installed = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'] as const

/** Launch options for a browser: the one that `VIGIL_BROWSER` names, Playwright's own where it was installed, or the machine's. */
export function browserHere(env: NodeJS.ProcessEnv): { executablePath?: string } {
  const named = env['VIGIL_BROWSER']
  if (named !== undefined && named !== '') return { executablePath: named }
  const executablePath = existsSync(chromium.executablePath())
    ? undefined
    : installed.find((path) => existsSync(path))
  return executablePath === undefined ? {} : { executablePath }
}
