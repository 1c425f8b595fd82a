import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { z } from 'zod'

const read = (name: string): unknown =>
  parse(readFileSync(new URL(`provisioning/${name}`, import.meta.url), 'utf8'))

const sources = z.strictObject({
  apiVersion: z.literal(1),
  prune: z.boolean(),
  datasources: z.array(
    z.strictObject({
      name: z.string(),
      uid: z.string(),
      type: z.string(),
      access: z.literal('proxy'),
      url: z.url(),
      isDefault: z.boolean().optional(),
      editable: z.literal(false),
      jsonData: z.record(z.string(), z.unknown()),
    }),
  ),
})

describe('what Grafana is provisioned with', () => {
  const { datasources } = sources.parse(read('datasources/datasources.yaml'))

  it('has metrics, logs and traces, the metrics by default', () => {
    expect(datasources.map(({ uid, type, isDefault }) => [uid, type, isDefault ?? false])).toEqual([
      ['prometheus', 'prometheus', true],
      ['loki', 'loki', false],
      ['tempo', 'tempo', false],
    ])
  })

  it('links metrics to traces, and logs and traces to each other, by existing sources', () => {
    const uids = datasources.map(({ uid }) => uid)
    const referred = [...JSON.stringify(datasources).matchAll(/"datasourceUid":"(\w+)"/g)].map(
      ([, uid]) => uid ?? '',
    )
    expect(referred).toEqual(['tempo', 'tempo', 'loki'])
    expect(uids).toEqual(expect.arrayContaining(referred))
  })

  it('names the label that the exemplars of the API have', () => {
    const [prometheus] = datasources
    const links = z
      .array(z.object({ name: z.string() }))
      .parse(prometheus?.jsonData['exemplarTraceIdDestinations'])
    const source = readFileSync(new URL('../../backend/observability/registry.ts', import.meta.url), 'utf8')
    for (const { name } of links) expect(source).toContain(`exemplarLabels: { ${name}:`)
  })

  it('loads the dashboards from files, and allows no changes in the UI, where they would be lost', () => {
    const { providers } = z
      .object({
        providers: z.array(
          z.object({
            type: z.string(),
            allowUiUpdates: z.boolean(),
            options: z.object({ path: z.string() }),
          }),
        ),
      })
      .parse(read('dashboards/dashboards.yaml'))
    expect(providers).toMatchObject([{ type: 'file', allowUiUpdates: false }])
  })

  it('keeps no password in its files', () => {
    expect(JSON.stringify(datasources)).not.toMatch(/password|secureJsonData|token/i)
  })
})
