import { describe, expect, it } from 'vitest'
import type { KubernetesPlan } from '../../../engine.ts'
import { buildObjects, findSizeProblem, toBytes } from './manifests.ts'

const plan: KubernetesPlan = {
  context: 'staging',
  namespace: 'load',
  parallelism: 4,
  image: `grafana/k6@sha256:${'a'.repeat(64)}`,
  cpu: '500m',
  memory: '512Mi',
  initializer: false,
  startMs: 300_000,
}
const archive = { bytes: Buffer.from('archive'), trusted: undefined }
const contents = { name: 'vigil-browse-1', run: 'r1', archive, isSecret: false, secrets: {} }
const text = (value: unknown): string => JSON.stringify(value)

describe('what a load creates', () => {
  it('is a ConfigMap with the archive, and a TestRun with exact arguments and no tag of an image', () => {
    const { script, testRun } = buildObjects(plan, contents)
    expect(script).toMatchObject({ kind: 'ConfigMap', binaryData: { 'archive.tar': 'YXJjaGl2ZQ==' } })
    expect(testRun.spec).toMatchObject({
      parallelism: 4,
      script: { configMap: { name: 'vigil-browse-1', file: 'archive.tar' } },
      args: ['--log-format', 'raw', '--log-output', 'stderr', '--no-color', '--no-usage-report'],
      initializer: { disabled: true },
      runner: {
        image: plan.image,
        resources: { requests: { cpu: '500m', memory: '512Mi' }, limits: { memory: '512Mi' } },
        topologySpreadConstraints: [{ labelSelector: { matchLabels: { k6_cr: 'vigil-browse-1' } } }],
      },
    })
    expect(text(testRun.spec)).toContain('"name":"GOMEMLIMIT","value":"460MiB"')
    // `cleanup: post` would delete the logs before they are read.
    expect(text(testRun.spec)).not.toMatch(/cleanup|latest/)
  })

  it('is a Secret where users saved something or journeys have secrets, which no TestRun shows', () => {
    const secrets = { API_KEY: 'hunter2' }
    const { script, testRun } = buildObjects(plan, { ...contents, secrets })
    expect(script).toMatchObject({
      kind: 'Secret',
      data: { 'archive.tar': 'YXJjaGl2ZQ==', 'env.API_KEY': Buffer.from('hunter2').toString('base64') },
    })
    expect(testRun.spec).toMatchObject({
      script: { localFile: '/test/archive.tar' },
      runner: {
        volumes: [{ name: 'scratch' }, { secret: { items: [{ key: 'archive.tar', path: 'archive.tar' }] } }],
      },
    })
    expect(text(testRun)).toContain('"secretKeyRef":{"name":"vigil-browse-1","key":"env.API_KEY"}')
    expect(text(testRun)).not.toContain('hunter2')
    expect(buildObjects(plan, { ...contents, isSecret: true }).script.kind).toBe('Secret')
  })

  it('is admitted by the Pod Security Standard "restricted": every pod of it', () => {
    const { testRun } = buildObjects({ ...plan, initializer: true }, contents)
    const { runner, starter, initializer } = testRun.spec as Record<string, object>
    for (const pod of [runner, starter, initializer])
      expect(pod).toMatchObject({
        automountServiceAccountToken: 'false',
        securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
        containerSecurityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
      })
  })

  it('trusts the same certificates as the other engines, for an https target', () => {
    const { script, testRun } = buildObjects(plan, { ...contents, archive: { ...archive, trusted: 'PEM' } })
    expect(script.binaryData).toHaveProperty(['trusted.pem'])
    expect(text(testRun.spec)).toContain('"name":"SSL_CERT_FILE","value":"/test/trusted.pem"')
  })
})

describe('the size of a script', () => {
  const sized = (bytes: number) => ({ bytes: Buffer.alloc(bytes), trusted: 'x' })
  it('may be what Kubernetes takes, and no byte more', () => {
    expect(findSizeProblem(sized(1024 * 1024 - 1))).toBeUndefined()
    expect(findSizeProblem(sized(1024 * 1024))).toMatch(
      /^the script .* has 1\.0 MiB, and Kubernetes takes at most 1 MiB/,
    )
  })
})

describe('a quantity', () => {
  it.each([
    ['512Mi', 536_870_912],
    ['2Gi', 2_147_483_648],
    ['64Ki', 65_536],
  ])('%s is %i bytes', (memory, bytes) => {
    expect(toBytes(memory)).toBe(bytes)
  })
})
