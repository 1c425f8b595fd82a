import { existsSync, globSync, readFileSync, readdirSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { queriesIn, readRules, runbookFolder, runbookSections, toAnchor } from './rules.ts'

const documents = [
  ...readdirSync(runbookFolder).map((file) => join(runbookFolder, file)),
  join(runbookFolder, '../onboarding.md'),
]

/** The links and pictures of a Markdown file that stay in the repository. */
function linksIn(text: string): string[] {
  const prose = text.replaceAll(/```[\s\S]*?```/g, '')
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, link]) =>
    link === undefined || /^https?:/.test(link) ? [] : [link],
  )
}

function anchorsIn(file: string): Set<string> {
  return new Set(
    [...readFileSync(file, 'utf8').matchAll(/^#{1,6} (.+)$/gm)].map(([, title]) =>
      toAnchor((title ?? '').trim()),
    ),
  )
}

describe('what is read when something is wrong', () => {
  it.each(documents)('%s leads nowhere that does not exist', (file) => {
    const dead = linksIn(readFileSync(file, 'utf8')).filter((link) => {
      const [path = '', anchor] = link.split('#')
      const target = path === '' ? file : resolve(dirname(file), path)
      return !existsSync(target) || (anchor !== undefined && !anchorsIn(target).has(anchor))
    })
    expect(dead).toEqual([])
  })

  it('is all in the index', () => {
    const index = readFileSync(join(runbookFolder, 'README.md'), 'utf8')
    expect(
      readdirSync(runbookFolder).filter((file) => file !== 'README.md' && !index.includes(`](${file})`)),
    ).toEqual([])
  })
})

const root = join(runbookFolder, '../..')
const everyDocument = globSync(['*.md', '{docs,deploy,monitoring,journeys,load,backend,bench}/**/*.md'], {
  cwd: root,
  exclude: ['**/node_modules/**'],
}).map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }))

const dashboard = z.object({
  title: z.string(),
  panels: z.array(z.object({ type: z.string(), title: z.string() })),
})
const dashboards = globSync(join(root, 'monitoring/grafana/dashboards/*.json')).map((file) =>
  dashboard.parse(JSON.parse(readFileSync(file, 'utf8'))),
)
const panels = dashboards.flatMap((one) => one.panels)
const titles: Readonly<Record<string, ReadonlySet<string>>> = {
  dashboard: new Set(dashboards.map(({ title }) => title)),
  row: new Set(panels.filter(({ type }) => type === 'row').map(({ title }) => title)),
  panel: new Set(panels.filter(({ type }) => type !== 'row').map(({ title }) => title)),
}

/**
 * Names after "dashboard", "row" or "panel" that no dashboard has: `the panel *X*`, `dashboards *X*, then
 * *Y*`.
 */
function unknownTitles(text: string): string[] {
  const prose = text.replaceAll(/```[^]*?```/g, '').replaceAll(/\s+/g, ' ')
  const named = prose.matchAll(/\b(dashboard|row|panel)s?((?:,? (?:and |then )?\*[^*]+\*)+)/gi)
  return [...named].flatMap(([, kind = '', names = '']) =>
    [...names.matchAll(/\*([^*]+)\*/g)].flatMap(([, name = '']) =>
      titles[kind.toLowerCase()]?.has(name) ? [] : [`${kind} ${name}`],
    ),
  )
}

/** Paths that documents name and that are not in this repository. */
const elsewhere: Readonly<Record<string, string>> = {
  'baselines/stored/counts.json': 'a command writes it',
  'baselines/stored/acknowledged.json': 'people write it',
  'vigil/journeys.ts': 'vigil init writes it',
  'vigil-gate/schemas/config.schema.json': 'in the installed package',
  'schema/compose-spec.json': 'in the repository compose-spec/compose-spec',
}

/** Paths in code of a document that no file has. */
function unknownFiles({ path, text }: { path: string; text: string }): string[] {
  const prose = text.replaceAll(/```[^]*?```/g, '')
  return [...prose.matchAll(/`((?:[\w-]+\/)+[\w.-]*\.(?:ts|md|yml|yaml|json|tmpl|sh))`/g)].flatMap(
    ([, file = '']) =>
      [root, dirname(join(root, path))].some((folder) => existsSync(join(folder, file))) ||
      elsewhere[file] !== undefined
        ? []
        : [file],
  )
}

describe('a document', () => {
  it.each(everyDocument)('$path names dashboards, rows and panels that exist', ({ text }) => {
    expect(unknownTitles(text)).toEqual([])
  })

  it.each(everyDocument.filter(({ path }) => path !== 'CHANGELOG.md'))(
    '$path names files that exist',
    (document) => {
      expect(unknownFiles(document)).toEqual([])
    },
  )

  it.each([
    ['the dashboard *Todo database* and the panel *p95 by query*', []],
    ['dashboard *API performance*, row *Errors*', ['dashboard API performance', 'row Errors']],
    ['dashboards *Todo database*, then\n*Nothing*', ['dashboard Nothing']],
    ['see the panel *Queries*', ['panel Queries']],
  ])('of %j is refused %j', (text, expected) => {
    expect(unknownTitles(text)).toEqual(expected)
  })

  it('of a path that no file has is refused', () => {
    const path = 'docs/onboarding.md'
    const text = '`docs/onboarding.md`, `runbooks/errors.md`, `docs/gone.md`'
    expect(unknownFiles({ path, text })).toEqual(['docs/gone.md'])
  })
})

describe('the section of an alert', () => {
  const alerts = new Set(readRules().alerts.map(({ alert }) => alert))

  it.each(runbookSections().filter(({ title }) => alerts.has(title)))(
    '$title says what it means, how bad, what to do, and what a false alarm looks like',
    ({ text }) => {
      for (const part of ['Means', 'How bad', 'Act', 'False alarm'])
        expect(text, part).toContain(`**${part}.**`)
    },
  )
})

/** A quotient of a sum and its count that becomes +Inf after a restart, when the count has not risen yet. */
function isUnguarded(query: string): boolean {
  return /_sum\b[^]*\/(?![^]*> 0)[^]*_count\b/.test(query)
}

describe('a mean in a query', () => {
  it.each([
    ['sum(rate(a_sum[5m])) / sum(rate(a_count[5m]))', true],
    ['sum(rate(a_sum[5m])) / (sum(rate(a_count[5m])) > 0)', false],
    ['sum(rate(a_sum[5m]))', false],
  ])('%s: unguarded %s', (query, expected) => {
    expect(isUnguarded(query)).toBe(expected)
  })

  it('is guarded in all documents and dashboards', () => {
    const documented = everyDocument.flatMap(({ text }) => queriesIn(text))
    expect(documented.length).toBeGreaterThan(100)
    const drawn = z
      .array(z.object({ targets: z.array(z.object({ expr: z.string() })).default([]) }))
      .parse(panelsOfFiles())
      .flatMap(({ targets }) => targets.map(({ expr }) => expr))
    expect(drawn.length).toBeGreaterThan(100)
    expect([...documented, ...drawn].filter(isUnguarded)).toEqual([])
  })
})

function panelsOfFiles(): unknown[] {
  return globSync(join(root, 'monitoring/grafana/dashboards/*.json')).flatMap(
    (file) => z.object({ panels: z.array(z.unknown()) }).parse(JSON.parse(readFileSync(file, 'utf8'))).panels,
  )
}
