import { readFileSync } from 'node:fs'
import { Deployment } from 'kubernetes-models/apps/v1'
import { HorizontalPodAutoscaler } from 'kubernetes-models/autoscaling/v2'
import { PodDisruptionBudget } from 'kubernetes-models/policy/v1'
import { Service } from 'kubernetes-models/v1'
import { describe, expect, it } from 'vitest'
import { parse, parseAllDocuments } from 'yaml'
import { z } from 'zod'
import { testManifests } from '../../testing/manifests.ts'

const read = (name: string): string => readFileSync(new URL(name, import.meta.url), 'utf8')
const [deployment, service, disruption] = parseAllDocuments(read('deployment.yaml')).map(
  (document): unknown => document.toJS(),
)
const autoscaler: unknown = parse(read('autoscaling.yaml'))

const named = z.object({ kind: z.string(), metadata: z.object({ name: z.string() }) })
const scaling = z.object({
  spec: z.object({
    scaleTargetRef: z.object({ kind: z.string(), name: z.string() }),
    minReplicas: z.number(),
    maxReplicas: z.number(),
    metrics: z.array(z.looseObject({ type: z.string() })),
  }),
})
const pods = z.object({
  pods: z.object({ metric: z.object({ name: z.string() }), target: z.object({ averageValue: z.string() }) }),
})
const container = z.object({
  spec: z.object({
    template: z.object({
      spec: z.object({
        containers: z.tuple([
          z.looseObject({ env: z.array(z.object({ name: z.string(), value: z.string() })) }),
        ]),
      }),
    }),
  }),
})

describe('the manifests of the todo API', () => {
  testManifests(
    {
      Deployment: [deployment, new Deployment(Object(deployment))],
      Service: [service, new Service(Object(service))],
      PodDisruptionBudget: [disruption, new PodDisruptionBudget(Object(disruption))],
      HorizontalPodAutoscaler: [autoscaler, new HorizontalPodAutoscaler(Object(autoscaler))],
    },
    new HorizontalPodAutoscaler({ ...Object(autoscaler), spec: { maxReplicas: 'many' } }),
    /maxReplicas|scaleTargetRef/,
  )

  it(
    "the autoscaler scales the deployment, by the metric that the adapter makes of the API's own " +
      'counter',
    () => {
      const { scaleTargetRef, metrics } = scaling.parse(autoscaler).spec
      expect(scaleTargetRef).toMatchObject({
        kind: 'Deployment',
        name: named.parse(deployment).metadata.name,
      })
      const { metric } = pods.parse(metrics.find(({ type }) => type === 'Pods')).pods
      const adapter = z
        .object({
          rules: z.object({
            custom: z.array(z.object({ seriesQuery: z.string(), name: z.object({ as: z.string() }) })),
          }),
        })
        .parse(parse(read('prometheus-adapter.yaml')))
      const rule = adapter.rules.custom.find(({ name }) => name.as === metric.name)
      expect(rule?.seriesQuery).toMatch(/^http_requests_total\{/)
    },
  )

  it('its target is 60 % of the capacity that docs/capacity.md measured', () => {
    const [, measured = ''] =
      /One replica keeps every budget at \*\*([\d,]+) requests\/s\*\*/.exec(
        readFileSync(new URL('../../../docs/capacity.md', import.meta.url), 'utf8'),
      ) ?? []
    const target = pods.parse(scaling.parse(autoscaler).spec.metrics.find(({ type }) => type === 'Pods')).pods
      .target.averageValue
    const capacity = Number(measured.replaceAll(',', ''))
    expect(Number(target) / capacity).toBeGreaterThan(0.55)
    expect(Number(target) / capacity).toBeLessThan(0.65)
  })

  it('all replicas together, and one more while rolling out, leave room in PostgreSQL', () => {
    const { env } = container.parse(deployment).spec.template.spec.containers[0]
    const pool = Number(env.find(({ name }) => name === 'DATABASE_POOL')?.value)
    // Of its own each instance keeps a few for the queue, for LISTEN and NOTIFY and for asking whether the
    // server is there.
    const besides = 8
    expect((scaling.parse(autoscaler).spec.maxReplicas + 1) * (pool + besides)).toBeLessThanOrEqual(100 * 1.3)
  })
})
