import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startService } from '../testing/service.ts'
import type { Service } from '../testing/service.ts'
import { noteProxies } from './measure.ts'
import { preflight } from './target.ts'

const seen: string[] = []
let service: Service
beforeAll(async () => {
  service = await startService((request, response) => {
    const url = request.url ?? ''
    seen.push(url)
    const to = /[?]to=(.*)$/.exec(url)?.[1] ?? (url.endsWith('/') ? '/login' : undefined)
    if (to === undefined) response.end('ok')
    else response.writeHead(302, to === '' ? {} : { location: decodeURIComponent(to) }).end()
  })
})
afterAll(async () => service.close())
const check = async (base: string, ready?: string): Promise<string | undefined> => {
  seen.length = 0
  return (await preflight(`${service.url}${base}`, ready, new AbortController().signal))?.reason
}

describe('the first check of a target', () => {
  it.each([
    ['', undefined, '/'],
    ['/api/v1', undefined, '/api/v1/'],
    ['/api/v1', '/ready', '/api/v1/ready'],
    ['/api/v1/', '/ready?deep=1', '/api/v1/ready?deep=1'],
  ])('at %j with ready %j requests %s, and takes a login page for an answer', async (base, ready, path) => {
    expect(await check(base, ready)).toBeUndefined()
    expect(seen).toEqual([path])
  })

  it('refuses a readiness that redirects', async () => {
    expect(await check('/app', '/ready?to=/login')).toMatch(
      /^the target redirects \(redirect\): http:.*\/app\/ready\?to=\/login answered 302 to \/login, /,
    )
    expect(await check('/app', '/ready?to=')).toContain('answered 302 to nowhere')
  })

  it('refuses a service that has moved: the same path at another address', async () => {
    const moved = await startService((request, response) =>
      response.writeHead(301, { location: `https://other.example${request.url}` }).end(),
    )
    const problem = await preflight(`${moved.url}/app`, undefined, new AbortController().signal)
    await moved.close()
    expect(problem?.code).toBe('target-redirect')
    expect(problem?.reason).toContain('answered 301 to https://other.example/app/')
  })
})

describe('the proxies of an environment', () => {
  it.each<[NodeJS.ProcessEnv, string[]]>([
    [{}, []],
    [{ HTTP_PROXY: '', NO_PROXY: 'localhost' }, []],
    [{ https_proxy: 'http://user:secret@proxy:3128' }, ['https_proxy is set and not used']],
    [{ HTTP_PROXY: 'http://p', ALL_PROXY: 'socks5://p' }, ['HTTP_PROXY and ALL_PROXY are set and not used']],
  ])('%j are named without their values', (env, notes) => {
    expect(noteProxies(env).map((note) => note.split(':')[0])).toEqual(notes)
  })
})
