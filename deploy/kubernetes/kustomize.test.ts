import { globSync, readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { PodMonitor } from '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/PodMonitor'
import { NetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1'
import { describe, expect, it } from 'vitest'
import { parse, parseAllDocuments } from 'yaml'

const folder = fileURLToPath(new URL('.', import.meta.url))
const read = (path: string): string => readFileSync(join(folder, path), 'utf8')
const bases = globSync('*/kustomization.yaml', { cwd: folder }).map((path) => dirname(path))

interface Labelled {
  kind: string
  metadata: { labels: Record<string, string> }
  spec: {
    selector: { matchLabels: Record<string, string> }
    podSelector: { matchLabels: Record<string, string> }
    template: {
      metadata: { labels: Record<string, string> }
      spec: { containers: { ports?: { name: string; containerPort: number }[] }[] }
    }
    podMetricsEndpoints: { port: string }[]
    ingress: { ports: { port: string | number }[] }[]
  }
}

const objectsOf = (base: string): Labelled[] =>
  (parse(read(`${base}/kustomization.yaml`)) as { resources: string[] }).resources.flatMap((file) =>
    parseAllDocuments(read(`${base}/${file}`)).map((document): Labelled => document.toJS()),
  )
const ofKind = (base: string, kind: string): Labelled | undefined =>
  objectsOf(base).find((object) => object.kind === kind)

/** Files of the folders that are no part of a base, and why. */
const alternatives = ['claim.yaml', 'cron.yaml', 'prometheus-adapter.yaml']

describe('the bases for kustomize', () => {
  it('name every manifest, except for alternatives', () => {
    const named = bases.flatMap((base) =>
      (parse(read(`${base}/kustomization.yaml`)) as { resources: string[] }).resources.map((file) =>
        join(base, file),
      ),
    )
    const all = globSync('*/*.yaml', { cwd: folder }).filter((path) => !path.endsWith('kustomization.yaml'))
    const rest = all.filter((path) => !named.includes(path)).map((path) => basename(path))
    expect(rest.toSorted()).toEqual(alternatives)
    expect(named.filter((path) => !all.includes(path))).toEqual([])
  })

  it.each(bases)('%s has a network policy that fits the schema of Kubernetes', (base) => {
    const policy = ofKind(base, 'NetworkPolicy')
    expect(() => new NetworkPolicy(Object(policy)).validate()).not.toThrow()
  })

  const deployed = bases.filter((base) => ofKind(base, 'Deployment') !== undefined)

  it.each(deployed)('%s has a monitor that fits the schema of the Prometheus Operator', (base) => {
    const monitor = Object(ofKind(base, 'PodMonitor'))
    expect(() => new PodMonitor(monitor).validate()).not.toThrow()
    const wrong = { ...monitor, spec: { ...monitor.spec, podMetricsEndpoints: [{ interval: 30 }] } }
    expect(() => new PodMonitor(wrong).validate()).toThrow(/interval/)
  })

  it.each(deployed)(
    '%s: policy and monitor select the pods of the deployment, by a port that it has',
    (base) => {
      const template = ofKind(base, 'Deployment')?.spec.template
      const labels = template?.metadata.labels
      const ports = template?.spec.containers.flatMap((container) => container.ports ?? []) ?? []
      const policy = ofKind(base, 'NetworkPolicy')?.spec
      const monitor = ofKind(base, 'PodMonitor')?.spec
      expect(labels).toMatchObject(policy?.podSelector.matchLabels ?? { missing: '' })
      expect(labels).toMatchObject(monitor?.selector.matchLabels ?? { missing: '' })
      expect(ports.map(({ name }) => name)).toContain(monitor?.podMetricsEndpoints[0]?.port)
      expect(ports.flatMap(({ name, containerPort }) => [name, containerPort])).toContain(
        policy?.ingress[0]?.ports[0]?.port,
      )
    },
  )
})
