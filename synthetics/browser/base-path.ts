import { toAddress } from '../../journeys/index.ts'

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
