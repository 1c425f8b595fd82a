import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { z } from 'zod'

const root = fileURLToPath(new URL('..', import.meta.url))
const read = (path: string): string => readFileSync(join(root, path), 'utf8')
const dockerfile = read('deploy/Dockerfile')
const left = read('.dockerignore')
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'))
const manifest = z
  .object({ devDependencies: z.record(z.string(), z.string()) })
  .parse(JSON.parse(read('package.json')))

/** As Docker reads .dockerignore, for the patterns that are in ours: the last that fits decides. */
function isIgnored(path: string): boolean {
  let ignored = false
  for (const line of left) {
    const pattern = line
      .replace('!', '')
      .replaceAll('.', '\\.')
      .replaceAll('**/', '(.*/)?')
      .replaceAll(/(?<![.)])\*/g, '[^/]*')
    if (new RegExp(`^${pattern}(/|$)`).test(path)) ignored = !line.startsWith('!')
  }
  return ignored
}

/** Every file of ours that `path` loads, or opens next to itself. */
function loadedBy(path: string, seen = new Set<string>()): Set<string> {
  if (seen.has(path)) return seen
  seen.add(path)
  if (!path.endsWith('.ts')) return seen
  for (const [, found = ''] of read(path).matchAll(
    /(?:from |import\(|import |new URL\()'(\.{0,2}\/?[\w./-]+)'/g,
  )) {
    const isOurs = found.startsWith('.') || existsSync(join(root, dirname(path), found))
    if (isOurs) loadedBy(relative(root, resolve(root, dirname(path), found)), seen)
  }
  return seen
}

test('what the image copies is there, and is let through by .dockerignore', () => {
  const sources = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, paths = '']) =>
    paths.split(' '),
  )
  expect(sources.length).toBeGreaterThanOrEqual(5)
  expect(sources.filter((path) => !existsSync(join(root, path)) || isIgnored(path))).toEqual([])
})

test('every file that the service loads is in the image, and what only tests load is not', () => {
  const loaded = loadedBy('backend/main.ts')
  expect(
    [...loaded].some((path) => path.endsWith('db/schema.ts')) &&
      [...loaded].some((path) => path.endsWith('db/migrations')),
  ).toBe(true)
  expect([...loaded].filter((path) => isIgnored(path))).toEqual([])
  for (const path of [
    'backend/http/http.test.ts',
    'backend/testing/client.ts',
    'backend/bench/raw.ts',
    'node_modules/hono/package.json',
    'cli/main.ts',
    '.git/config',
  ])
    expect([path, isIgnored(path)]).toEqual([path, true])
})

test('the image has the Node that the project is tested with', () => {
  expect(/^ARG NODE=(.+)$/m.exec(dockerfile)?.[1]).toBe(manifest.devDependencies['node'])
})

test('it runs as an unprivileged user, in exec form, and its health check needs no curl', () => {
  expect(dockerfile).toMatch(/^USER node$/m)
  expect(dockerfile).toMatch(/^CMD \["node", "backend\/main\.ts"\]$/m)
  expect(dockerfile).toMatch(/HEALTHCHECK[^]+CMD \["node", "-e"/)
  expect(dockerfile.replaceAll(/^#.*$/gm, '')).not.toMatch(/curl|wget/)
})
