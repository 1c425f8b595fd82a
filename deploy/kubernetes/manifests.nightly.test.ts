import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { startCluster, until } from '../../load/engines/k6/kubernetes/testing/cluster.ts'
import type { Cluster } from '../../load/engines/k6/kubernetes/testing/cluster.ts'
import { requireTool } from '../../runtime/tools/index.ts'

/* The manifests by kubeconform, with the schemas of a real API server, and applied to it. */

const here = fileURLToPath(new URL('.', import.meta.url))
const paths = ['.', 'load', 'vigil-probes/claim.yaml', 'vigil-probes/cron.yaml'].map((path) =>
  join(here, path),
)

let cluster: Cluster
let schemas: string
let conform: string

/** Only the name of a PodMonitor: kustomize.test.ts checks its fields by the schema of its operator. */
const podMonitors = {
  metadata: { name: 'podmonitors.monitoring.coreos.com' },
  spec: {
    group: 'monitoring.coreos.com',
    scope: 'Namespaced',
    names: { kind: 'PodMonitor', listKind: 'PodMonitorList', plural: 'podmonitors', singular: 'podmonitor' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: {
          openAPIV3Schema: {
            type: 'object',
            properties: { spec: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
          },
        },
      },
    ],
  },
}

beforeAll(async () => {
  cluster = await startCluster()
  schemas = mkdtempSync(join(tmpdir(), 'vigil-schemas-'))
  await cluster.admin('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', podMonitors)
  let api: OpenApi = { definitions: {} }
  await until('the schema of PodMonitor', 60_000, async () => {
    api = await cluster.admin<OpenApi>('GET', '/openapi/v2')
    return Object.keys(api.definitions).some((name) => name.endsWith('.PodMonitor'))
  })
  writeSchemas(api)
  conform = await requireTool('kubeconform')
})
afterAll(async () => {
  rmSync(schemas, { recursive: true, force: true })
  await cluster.stop()
})

interface Definition {
  properties?: object
  'x-kubernetes-group-version-kind'?: { group: string; version: string; kind: string }[]
}

interface OpenApi {
  definitions: Record<string, Definition>
}

/** OpenAPI 2 has no words for a string or a number. */
const eitherType = /\.(?:IntOrString|Quantity)$/

/** One file for each kind, by the names that kubeconform looks for; unknown fields are refused. */
function writeSchemas({ definitions }: OpenApi): void {
  const strict = Object.entries(definitions).map(([name, definition]): [string, object] => {
    if (eitherType.test(name)) return [name, { type: ['string', 'number'] }]
    const isOpen = definition.properties === undefined || 'x-kubernetes-preserve-unknown-fields' in definition
    return [name, isOpen ? definition : { ...definition, additionalProperties: false }]
  })
  const text = JSON.stringify(Object.fromEntries(strict))
  const used = new Set(objectsOf().map(({ kind }) => kind))
  for (const [name, { 'x-kubernetes-group-version-kind': kinds = [] }] of Object.entries(definitions))
    for (const { group, version, kind } of kinds)
      if (used.has(kind) && kinds.length === 1)
        writeFileSync(
          // Without a group, kubeconform takes the version for it.
          join(schemas, `${kind.toLowerCase()}-${group || version}-${version}.json`),
          `{"$ref":"#/definitions/${name}","definitions":${text}}`,
        )
}

interface Manifest {
  apiVersion: string
  kind: string
  metadata: { name: string }
}

/** All objects, as kustomize builds them. */
function objectsOf(): Manifest[] {
  return paths.flatMap((path) => parseAllDocuments(build(path)).map((document): Manifest => document.toJS()))
}

function build(path: string): string {
  return path.endsWith('.yaml')
    ? readFileSync(path, 'utf8')
    : execFileSync(cluster.kubectl, ['kustomize', path], { encoding: 'utf8' })
}

function check(text: string): string {
  const location = `${schemas}/{{ .ResourceKind }}-{{ .Group }}-{{ .ResourceAPIVersion }}.json`
  try {
    return execFileSync(conform, ['-strict', '-summary', '-schema-location', location, '-'], {
      encoding: 'utf8',
      input: text,
    })
  } catch (error) {
    return String(Object(error).stdout)
  }
}

function apply(path: string, namespace: string): string {
  const flags = [path.endsWith('.yaml') ? '-f' : '-k', path, '--validate=strict', '-n', namespace]
  return execFileSync(
    cluster.kubectl,
    ['--kubeconfig', cluster.kubeconfig, '--context', 'admin', 'apply', '--server-side', ...flags],
    { encoding: 'utf8' },
  )
}

describe('the manifests', () => {
  it('fit the schemas of the API server, by kubeconform', () => {
    const output = check(paths.map(build).join('\n---\n'))
    expect(output).toMatch(/Summary: (\d+) resources found .* Valid: \1, Invalid: 0, Errors: 0, Skipped: 0/)
  })

  it('would not, with a field that does not exist', () => {
    const wrong = build(join(here, '.')).replace('minReplicas:', 'minReplica:')
    expect(check(wrong)).toMatch(/HorizontalPodAutoscaler todo-backend is invalid.*minReplica/)
  })

  it('are accepted by the API server, all of them, and again without a change', async () => {
    await cluster.admin('POST', '/api/v1/namespaces', { metadata: { name: 'todo' } })
    const applied = paths.flatMap((path) => apply(path, 'todo').trim().split('\n'))
    expect(applied.length).toBe(objectsOf().length)
    for (const line of applied) expect(line).toMatch(/serverside-applied$/)
    for (const path of paths) expect(apply(path, 'todo')).toContain('serverside-applied')
    const { items } = await cluster.admin<{ items: Manifest[] }>(
      'GET',
      '/apis/monitoring.coreos.com/v1/namespaces/todo/podmonitors',
    )
    expect(items.map(({ metadata }) => metadata.name).toSorted()).toEqual(['todo-backend', 'vigil-probes'])
  })
})
