import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { temporaryFolder } from '../../runtime/testing/temporary-folder.ts'
import { locateProduction, copyRules, copyTemplates, localizeLinks, readRuleLinks } from './configure.ts'
const page = 'http://127.0.0.1:9095'
const folder = temporaryFolder('local-links')

it.each([
  ['https://grafana.mine/d/x?a=b', `${page}/d/x?a=b`],
  ['https://grafana.mine.elsewhere.test/d/x', 'https://grafana.mine.elsewhere.test/d/x'],
  ['https://prometheus.io/docs/', 'https://prometheus.io/docs/'],
  ['"https://grafana.mine/a" https://grafana.mine/b', `"${page}/a" ${page}/b`],
])('%s becomes %s', (text, expected) => {
  expect(localizeLinks(text, ['https://grafana.mine'], page)).toBe(expected)
})

it('rules and templates of this repository keep no link to an example', async () => {
  const production = locateProduction(fileURLToPath(new URL('..', import.meta.url)))
  const { alertNames } = await readRuleLinks(production)
  expect(alertNames).toEqual(expect.arrayContaining(['APIHighErrorRate', 'Watchdog']))
  await copyRules(production, join(folder, 'rules'), page)
  await copyTemplates(production, join(folder, 'templates'), page)
  for (const name of ['rules/alert_rules.yml', 'rules/meta_rules.yml', 'templates/vigil.tmpl'])
    expect(readFileSync(join(folder, name), 'utf8')).not.toMatch(/https:\/\/\w+\.example\.com/)
})

it("a team's own addresses are replaced too, and the form of a silence becomes a path", async () => {
  const monitoring = join(folder, 'monitoring')
  const production = locateProduction(monitoring)
  for (const part of ['prometheus', 'alertmanager/templates'])
    mkdirSync(join(monitoring, part), { recursive: true })
  writeFileSync(production.prometheus, 'rule_files: [team*.yml]\n')
  const annotations =
    '{ runbook_url: "https://wiki.mine/docs/a.md#x", dashboard_url: "https://board.mine/d/y" }'
  const rules = `groups: [{ name: g, rules: [{ alert: Mine, expr: up, annotations: ${annotations} }] }]\n`
  writeFileSync(join(monitoring, 'prometheus', 'team-a.yml'), rules)
  writeFileSync(join(monitoring, 'prometheus', 'other.yml'), 'https://board.mine/d/z')
  writeFileSync(
    join(production.templates, 'a.tmpl'),
    '{{ .ExternalURL }}/#/silences/new?filter=x https://board.mine/',
  )
  expect(await readRuleLinks(production)).toEqual({
    alertNames: ['Mine'],
    origins: ['https://wiki.mine', 'https://board.mine'],
  })
  await copyRules(production, join(folder, 'own'), page)
  await copyTemplates(production, join(folder, 'own'), page)
  const copied = readFileSync(join(folder, 'own', 'team-a.yml'), 'utf8')
  expect([copied.includes(`${page}/docs/a.md#x`), copied.includes(`${page}/d/y`)]).toEqual([true, true])
  expect(readFileSync(join(folder, 'own', 'a.tmpl'), 'utf8')).toBe(
    `{{ .ExternalURL }}/silences/new?filter=x ${page}/`,
  )
})
