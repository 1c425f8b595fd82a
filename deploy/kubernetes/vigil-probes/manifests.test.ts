import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Deployment } from 'kubernetes-models/apps/v1'
import { CronJob } from 'kubernetes-models/batch/v1'
import { PersistentVolumeClaim, Service } from 'kubernetes-models/v1'
import { describe, expect, it } from 'vitest'
import { parse, parseAllDocuments } from 'yaml'
import { describeCommands } from '../../../cli/index.ts'
import { testManifests } from '../../testing/manifests.ts'
import { parseCadence } from '../../../config/index.ts'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const read = (name: string): string => readFileSync(new URL(name, import.meta.url), 'utf8')

interface PodTemplate {
  metadata: { labels: Record<string, string> }
  spec: {
    automountServiceAccountToken: boolean
    terminationGracePeriodSeconds: number
    securityContext: Record<string, unknown>
    containers: [
      {
        image: string
        args: string[]
        ports?: { name: string; containerPort: number }[]
        securityContext: unknown
        resources: { limits: { memory: string } }
        volumeMounts: { name: string }[]
      },
    ]
    volumes: { name: string; persistentVolumeClaim?: { claimName: string } }[]
  }
}

const [claim, deployment, service] = parseAllDocuments(read('scheduler.yaml')).map(
  (document) => document.toJS() as Record<string, unknown>,
)
const cron = parse(read('cron.yaml')) as {
  spec: {
    schedule: string
    concurrencyPolicy: string
    jobTemplate: { spec: { backoffLimit: number; activeDeadlineSeconds: number; template: PodTemplate } }
  }
}
const scheduler = deployment as unknown as {
  spec: {
    replicas: number
    strategy: { type: string }
    selector: { matchLabels: Record<string, string> }
    template: PodTemplate
  }
}
const pods = [
  ['scheduler', scheduler.spec.template],
  ['cron', cron.spec.jobTemplate.spec.template],
] as const

describe('the manifests of the probes', () => {
  testManifests(
    {
      PersistentVolumeClaim: [claim, new PersistentVolumeClaim(Object(claim))],
      Deployment: [deployment, new Deployment(Object(deployment))],
      Service: [service, new Service(Object(service))],
      CronJob: [cron, new CronJob(Object(cron))],
    },
    new CronJob({ ...Object(cron), spec: { schedule: 5 } }),
    /schedule|jobTemplate/,
  )

  it.each(pods)('the %s starts vigil with a command, options and probes that exist', async (_, { spec }) => {
    const program = await describeCommands()
    const [name, ...args] = spec.containers[0].args
    const known = program.commands.find((command) => command.name() === name)?.options.map(({ long }) => long)
    expect(args.filter((arg) => arg.startsWith('--') && !known?.includes(arg))).toEqual([])
    const config = readFileSync(`${root}/vigil.config.ts`, 'utf8')
    for (const probe of args.slice(
      0,
      args.findIndex((arg) => arg.startsWith('--')),
    ))
      expect(config).toMatch(new RegExp(`^    '?${probe}'?: \\{`, 'm'))
  })

  it.each(pods)('the %s may do no more than it needs', (_, { spec }) => {
    expect(spec.automountServiceAccountToken).toBe(false)
    expect(spec.securityContext).toMatchObject({
      runAsNonRoot: true,
      seccompProfile: { type: 'RuntimeDefault' },
    })
    expect(spec.containers[0].securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    })
    expect(spec.containers[0].resources.limits.memory).toBe('512Mi')
    expect(spec.containers[0].image).toMatch(/:\d+\.\d+\.\d+$/)
    expect(spec.containers[0].volumeMounts.map(({ name }) => name)).toEqual(
      spec.volumes.map(({ name }) => name),
    )
    // SIGTERM lets what runs finish.
    expect(spec.terminationGracePeriodSeconds).toBeGreaterThan(10)
  })

  it('the scheduler is one, found by its service, and keeps its results', () => {
    const { replicas, strategy, selector, template } = scheduler.spec
    expect([replicas, strategy.type]).toEqual([1, 'Recreate'])
    expect(template.metadata.labels).toEqual(selector.matchLabels)
    expect(service).toMatchObject({
      spec: { selector: selector.matchLabels, ports: [{ port: 9464, targetPort: 'metrics' }] },
    })
    expect(template.spec.containers[0].ports).toEqual([{ name: 'metrics', containerPort: 9464 }])
    expect(claim).toMatchObject({
      metadata: { name: template.spec.volumes[0]?.persistentVolumeClaim?.claimName },
    })
  })

  it('the cron job runs as vigil reads its schedule, never twice at the same time, and probes once', () => {
    const parsed = parseCadence(cron.spec.schedule)
    expect(parsed.state === 'ok' && parsed.cadence.next(0)).toBe(300_000)
    const { backoffLimit, activeDeadlineSeconds, template } = cron.spec.jobTemplate.spec
    expect([cron.spec.concurrencyPolicy, backoffLimit]).toEqual(['Forbid', 0])
    expect(activeDeadlineSeconds).toBeLessThan(300)
    expect(template.spec.containers[0].args).toContain('--once')
    // What `vigil uptime` reads outlives each run.
    expect(parse(read('claim.yaml'))).toEqual(claim)
    expect(template.spec.volumes[0]?.persistentVolumeClaim).toEqual({ claimName: 'vigil-probes' })
  })
})
