import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'

/*
 * Reads the dashboards from their files and not from the builders: the tests check what Grafana loads.
 */

const threshold = z.object({ value: z.number().nullable(), color: z.string() })
const thresholds = z.object({ mode: z.literal('absolute'), steps: z.array(threshold) })
const mapping = z.object({
  type: z.literal('value'),
  options: z.record(z.string(), z.object({ text: z.string(), color: z.string() })),
})
const link = z.object({ title: z.string(), url: z.string() })

const target = z.object({
  refId: z.string(),
  expr: z.string(),
  instant: z.boolean().default(false),
  format: z.string().optional(),
  legendFormat: z.string().optional(),
  exemplar: z.boolean().optional(),
})

const panel = z.object({
  id: z.number(),
  type: z.enum(['timeseries', 'stat', 'state-timeline', 'table']),
  title: z.string(),
  description: z.string(),
  gridPos: z.object({ x: z.number(), y: z.number(), w: z.number(), h: z.number() }),
  targets: z.array(target).min(1),
  links: z.array(link).optional(),
  fieldConfig: z.object({
    defaults: z.object({
      unit: z.string().optional(),
      max: z.number().optional(),
      noValue: z.string().optional(),
      decimals: z.number().optional(),
      thresholds: thresholds.optional(),
      mappings: z.array(mapping).optional(),
      custom: z
        .object({
          stacking: z.object({ mode: z.string() }).optional(),
          axisSoftMax: z.number().optional(),
          scaleDistribution: z.object({ type: z.string() }).optional(),
        })
        .optional(),
    }),
    overrides: z.array(
      z.object({
        matcher: z.object({ id: z.string(), options: z.unknown() }),
        properties: z.array(z.object({ id: z.string(), value: z.unknown() })),
      }),
    ),
  }),
  transformations: z.array(z.object({ id: z.string(), options: z.unknown() })).optional(),
})

const row = z.object({
  id: z.number(),
  type: z.literal('row'),
  title: z.string(),
  collapsed: z.literal(false),
  gridPos: panel.shape.gridPos,
})

const variable = z.object({
  name: z.string(),
  type: z.enum(['datasource', 'query']),
  label: z.string(),
  allValue: z.string().optional(),
  definition: z.string().optional(),
})

const annotation = z.object({
  name: z.string(),
  iconColor: z.string(),
  expr: z.string(),
  useValueForTime: z.boolean().optional(),
  titleFormat: z.string(),
  textFormat: z.string(),
})

const dashboard = z.object({
  uid: z.string(),
  title: z.string(),
  description: z.string(),
  schemaVersion: z.number(),
  panels: z.array(z.union([row, panel])),
  templating: z.object({ list: z.array(variable) }),
  annotations: z.object({ list: z.array(annotation) }),
})

export type PanelJson = z.infer<typeof panel>
export type RowJson = z.infer<typeof row>
export type TargetJson = z.infer<typeof target>
export type AnnotationJson = z.infer<typeof annotation>
export type DashboardJson = z.infer<typeof dashboard>
export type ThresholdJson = z.infer<typeof threshold>

export const dashboardNames = [
  'todo-api-performance',
  'todo-database',
  'todo-system',
  'todo-synthetics',
] as const
export type DashboardName = (typeof dashboardNames)[number]

/** A committed dashboard. Throws for elements that the tests and the renderer do not know. */
export function readDashboard(name: DashboardName): DashboardJson {
  return readDashboardFile(fileURLToPath(new URL(`../dashboards/${name}.json`, import.meta.url)))
}

export function readDashboardFile(file: string): DashboardJson {
  return dashboard.parse(JSON.parse(readFileSync(file, 'utf8')))
}

export function dashboardPanels({ panels }: DashboardJson): PanelJson[] {
  return panels.filter((one): one is PanelJson => one.type !== 'row')
}
