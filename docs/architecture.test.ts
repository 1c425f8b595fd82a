import { globSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

/** Folders of code, lowest first: a folder imports from those before it, never from those after it. */
const layers = [
  'record',
  'journeys',
  'baselines',
  'config',
  'runtime',
  'load',
  'synthetics',
  'reports',
  'monitoring',
  'cli',
  'package',
  'bench',
  'deploy',
] as const

const root = fileURLToPath(new URL('..', import.meta.url))

interface Import {
  from: string
  to: string
}

const files = globSync('**/*.ts', { cwd: root, exclude: ['**/node_modules', '.vigil'] })
const sources = files.filter((path) => !/\.(test|spec|d)\.ts$|\/testing\//.test(path))
const textOf = new Map(sources.map((path) => [path, readFileSync(join(root, path), 'utf8')]))

/** The code of a source, without its comments. */
function codeOf(path: string): string {
  return (textOf.get(path) ?? '').replaceAll(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '')
}

/** Every relative import and re-export of the sources: of types and of modules loaded late too. */
const imports: Import[] = sources.flatMap((from) =>
  [...codeOf(from).matchAll(/(?:\bfrom\s+|\bimport\(\s*)'(\.{1,2}\/[^']+)'/g)].map(([, path = '']) => ({
    from,
    to: normalize(join(dirname(from), path)),
  })),
)

function folderOf(path: string): string {
  return path.includes('/') ? path.slice(0, path.indexOf('/')) : '.'
}

function lines(found: readonly Import[]): string[] {
  return found.map(({ from, to }) => `${from} imports ${to}`)
}

describe('the architecture', () => {
  it('reads the whole repository', () => {
    expect(sources.length).toBeGreaterThan(300)
    expect(imports.length).toBeGreaterThan(1000)
  })

  it('has no folder of code besides those that docs/architecture.md describes', () => {
    const document = readFileSync(join(root, 'docs/architecture.md'), 'utf8')
    const described = [...document.matchAll(/^\| `([a-z]+)\/` \|/gm)].map(([, name = '']) => name)
    const found = new Set(sources.map(folderOf).filter((folder) => folder !== '.'))
    expect([...found].toSorted()).toEqual(described.toSorted())
    expect([...layers, 'backend'].filter((folder) => !described.includes(folder))).toEqual([])
  })

  it('has imports that go down only, those of types too', () => {
    const rank = (path: string): number => layers.findIndex((layer) => layer === folderOf(path))
    const up = imports.filter(({ from, to }) => rank(from) >= 0 && rank(to) > rank(from))
    expect(lines(up)).toEqual([])
  })

  it('has one place where processes start: it keeps variables of git and much more from them', () => {
    const free = ['runtime/processes', 'backend/', 'bench/', 'docs/']
    const starting = sources.filter(
      (path) =>
        codeOf(path).includes("from 'node:child_process'") && !free.some((start) => path.startsWith(start)),
    )
    expect(starting).toEqual([])
  })

  it('keeps the backend and the harness apart', () => {
    const crossing = imports.filter(
      ({ from, to }) => (folderOf(from) === 'backend') !== (folderOf(to) === 'backend'),
    )
    expect(lines(crossing)).toEqual([])
  })

  it('has no cycle of files, those of types too', () => {
    const targets = Map.groupBy(imports, ({ from }) => from)
    const finished = new Set<string>()
    const cycles: string[] = []
    const visit = (path: string, trail: readonly string[]): void => {
      if (trail.includes(path)) cycles.push([...trail.slice(trail.indexOf(path)), path].join(' > '))
      if (finished.has(path) || trail.includes(path)) return
      for (const { to } of targets.get(path) ?? []) visit(to, [...trail, path])
      finished.add(path)
    }
    for (const path of sources) visit(path, [])
    expect(cycles).toEqual([])
  })

  it('imports another folder by its index.ts only', () => {
    const face = /\/index\.ts$|\/testing\/|^journeys\/todo\/journeys\.ts$/
    const past = imports.filter(
      ({ from, to }) => folderOf(from) !== folderOf(to) && folderOf(to) !== '.' && !face.test(to),
    )
    expect(lines(past)).toEqual([])
  })

  it('has index.ts files that only re-export', () => {
    const withCode = sources.filter((path) => {
      const code = codeOf(path).replaceAll(/^export (type )?(\{[^}]*\}|\*( as \w+)?) from '[^']+'/gm, '')
      return path.endsWith('/index.ts') && code.trim() !== ''
    })
    expect(withCode).toEqual([])
  })
})

describe('record, baselines and reports are pure', () => {
  const allowed = /^record\/(history|store)\//
  const pure = sources.filter(
    (path) => ['record', 'baselines', 'reports'].includes(folderOf(path)) && !allowed.test(path),
  )

  it.each([
    ['files, sockets, processes or timers', /from 'node:(?!(buffer|path|url|crypto|util|zlib|module)')/],
    ['the clock', /\bDate\.now\b|new Date\(\)|\bperformance\.now\b|\bset(Timeout|Interval|Immediate)\(/],
    ['randomness', /\bMath\.random\b|\brandomUUID\b|\brandomBytes\b/],
    ['the process: printing, exiting, its environment', /\bprocess\.|\bconsole\./],
  ])('and use no %s', (_, pattern) => {
    expect(pure.length).toBeGreaterThan(50)
    expect(pure.filter((path) => pattern.test(codeOf(path)))).toEqual([])
  })
})

describe('the service that vigil is developed against', () => {
  it('is known to the backend, its journeys, its monitoring and the config alone', () => {
    // bench/ and deploy/ measure and ship this repository's own service.
    const knows = /^(backend|monitoring|bench|deploy)\/|^journeys\/todo\/|^[a-z]+\.config\.ts$/
    const task = /\btodos?\b|\/tasks\b|'tasks?'|task-crud/i
    const others = sources.filter((path) => !knows.test(path))
    expect(others.filter((path) => task.test(codeOf(path)))).toEqual([])
  })

  it('is not loaded by journeys that run in k6: they import nothing of Node', () => {
    const faces =
      /^load\/engines\/k6\/k6-runtime\/|^journeys\/(?!client\/)|^package\/(?:define|index|journeys)\./
    const k6Roots = sources.filter((path) => faces.test(path))
    const reached = new Set<string>()
    const visit = (path: string): void => {
      if (reached.has(path)) return
      reached.add(path)
      const text = (textOf.get(path) ?? '').replaceAll(/^(import|export) type [\s\S]*?from '[^']+'/gm, '')
      for (const [, target = ''] of text.matchAll(/\bfrom\s+'(\.{1,2}\/[^']+)'/g))
        visit(normalize(join(dirname(path), target)))
    }
    for (const path of k6Roots) visit(path)
    const withNode = [...reached].filter((path) => /from 'node:/.test(textOf.get(path) ?? ''))
    expect(withNode).toEqual([])
  })
})
