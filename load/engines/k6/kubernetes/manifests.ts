import type { KubernetesPlan } from '../../../engine.ts'
import { runnerVariable } from '../k6-runtime/wire.ts'
import type { ScriptArchive } from '../script-run.ts'

/* What vigil creates in a namespace for one load: a script and a TestRun. k6-operator makes the rest. */

/** What a load is made of. */
export interface LoadObjects {
  /** A ConfigMap, or a Secret where the script holds what may be secret. */
  script: ScriptObject
  testRun: TestRunObject
}

interface Metadata {
  name: string
  namespace: string
  labels: Record<string, string>
  annotations: Record<string, string>
}

export interface ScriptObject {
  apiVersion: 'v1'
  kind: 'ConfigMap' | 'Secret'
  metadata: Metadata
  binaryData?: Record<string, string>
  data?: Record<string, string>
}

export interface TestRunObject {
  apiVersion: 'k6.io/v1alpha1'
  kind: 'TestRun'
  metadata: Metadata
  spec: object
}

/** What differs between two loads with the same settings. */
export interface LoadContents {
  /** Of both objects; the names of jobs and pods begin with it. */
  name: string
  run: string
  archive: ScriptArchive
  /** Whether the archive holds what users saved, which may be tokens. */
  isSecret: boolean
  secrets: Readonly<Record<string, string>>
}

const folder = '/test'
const archiveFile = 'archive.tar'
const trustFile = 'trusted.pem'
const secretKey = (name: string): string => `env.${name}`

/** What a ConfigMap and a Secret may hold, which Kubernetes checks. */
const maxBytes = 1024 * 1024

/** Why a script cannot be in a ConfigMap or Secret, or undefined. */
export function findSizeProblem({ bytes, trusted }: ScriptArchive): string | undefined {
  const found = bytes.length + Buffer.byteLength(trusted ?? '')
  if (found <= maxBytes) return undefined
  return (
    `the script with its journeys and users has ${(found / maxBytes).toFixed(1)} MiB, and Kubernetes takes ` +
    'at most 1 MiB: save less in the `before` steps, import less into the journeys, or use --shards'
  )
}

export function buildObjects(plan: KubernetesPlan, contents: LoadContents): LoadObjects {
  const { archive, secrets, name } = contents
  const files = {
    [archiveFile]: archive.bytes.toString('base64'),
    ...(archive.trusted !== undefined && { [trustFile]: toBase64(archive.trusted) }),
  }
  const needsSecret = contents.isSecret || Object.keys(secrets).length > 0
  const metadata: Metadata = {
    name,
    namespace: plan.namespace,
    labels: { 'app.kubernetes.io/managed-by': 'vigil' },
    annotations: { 'vigil/run': contents.run },
  }
  const values = Object.entries(secrets).map(([key, value]) => [secretKey(key), toBase64(value)] as const)
  return {
    script: needsSecret
      ? {
          apiVersion: 'v1',
          kind: 'Secret',
          metadata,
          data: { ...files, ...Object.fromEntries(values) },
        }
      : { apiVersion: 'v1', kind: 'ConfigMap', metadata, binaryData: files },
    testRun: {
      apiVersion: 'k6.io/v1alpha1',
      kind: 'TestRun',
      metadata,
      spec: toSpec(plan, contents, needsSecret ? Object.keys(files) : undefined),
    },
  }
}

function toBase64(text: string): string {
  return Buffer.from(text).toString('base64')
}

/** @param secretFiles of the Secret that holds the script; undefined: a ConfigMap does */
function toSpec(plan: KubernetesPlan, contents: LoadContents, secretFiles: string[] | undefined): object {
  const runner = toRunner(plan, contents, secretFiles)
  return {
    parallelism: plan.parallelism,
    // k6-operator mounts a ConfigMap itself, in the same folder.
    script:
      secretFiles === undefined
        ? { configMap: { name: contents.name, file: archiveFile } }
        : { localFile: `${folder}/${archiveFile}` },
    // Raw lines, as the script wrote them: its summary is among them.
    args: ['--log-format', 'raw', '--log-output', 'stderr', '--no-color', '--no-usage-report'],
    initializer: plan.initializer ? runner : { disabled: true },
    starter: {
      ...(plan.starterImage !== undefined && { image: plan.starterImage }),
      ...toAccess(plan),
      ...restrictions,
    },
    runner: {
      ...runner,
      topologySpreadConstraints: [
        {
          maxSkew: 1,
          topologyKey: 'kubernetes.io/hostname',
          whenUnsatisfiable: 'ScheduleAnyway',
          labelSelector: { matchLabels: { k6_cr: contents.name, runner: 'true' } },
        },
      ],
      // k6 has no time for it under load; k6-operator's own probe would end it after half a minute.
      livenessProbe: { ...statusProbe, periodSeconds: 30, timeoutSeconds: 10, failureThreshold: 20 },
      readinessProbe: { ...statusProbe, periodSeconds: 1, timeoutSeconds: 5, failureThreshold: 60 },
    },
  }
}

const statusProbe = { httpGet: { path: '/v1/status', port: 6565 } }

/** What the Pod Security Standard `restricted` asks for; 12345 is the user of k6's image. */
const restrictions = {
  securityContext: {
    runAsNonRoot: true,
    runAsUser: 12345,
    runAsGroup: 12345,
    seccompProfile: { type: 'RuntimeDefault' },
  },
  containerSecurityContext: {
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'] },
  },
}

function toAccess({ imagePullSecrets, serviceAccount }: KubernetesPlan): object {
  return {
    automountServiceAccountToken: 'false',
    ...(serviceAccount !== undefined && { serviceAccountName: serviceAccount }),
    ...(imagePullSecrets !== undefined && { imagePullSecrets: imagePullSecrets.map((name) => ({ name })) }),
  }
}

function toRunner(
  plan: KubernetesPlan,
  { name, archive, secrets }: LoadContents,
  secretFiles: string[] | undefined,
): object {
  const { cpu, memory, nodeSelector } = plan
  return {
    image: plan.image,
    ...toAccess(plan),
    ...restrictions,
    ...(nodeSelector !== undefined && { nodeSelector }),
    // No limit of CPU: a generator that is stopped for parts of a second measures its own pauses.
    resources: { requests: { cpu, memory }, limits: { memory } },
    env: [
      { name: runnerVariable, valueFrom: { fieldRef: { fieldPath: "metadata.labels['job-name']" } } },
      // As vigil starts k6 itself: it collects its garbage less often while there is memory for that.
      { name: 'GOGC', value: '300' },
      { name: 'GOMEMLIMIT', value: toMemoryLimit(memory) },
      ...(archive.trusted === undefined ? [] : [{ name: 'SSL_CERT_FILE', value: `${folder}/${trustFile}` }]),
      ...Object.keys(secrets).map((key) => ({
        name: key,
        valueFrom: { secretKeyRef: { name, key: secretKey(key) } },
      })),
    ],
    // k6 and the initializer write nothing else.
    volumes: [
      { name: 'scratch', emptyDir: { sizeLimit: '64Mi' } },
      ...(secretFiles === undefined
        ? []
        : [
            {
              name: 'script',
              // Not the values of the variables.
              secret: { secretName: name, items: secretFiles.map((key) => ({ key, path: key })) },
            },
          ]),
    ],
    volumeMounts: [
      { name: 'scratch', mountPath: '/tmp' },
      ...(secretFiles === undefined ? [] : [{ name: 'script', mountPath: folder, readOnly: true }]),
    ],
  }
}

const unitBytes: Readonly<Record<string, number>> = { Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30 }

/** Bytes of a quantity such as `512Mi`. */
export function toBytes(memory: string): number {
  const [, amount = '0', unit = ''] = /^(\d+)(\w*)$/.exec(memory) ?? []
  return Number(amount) * (unitBytes[unit] ?? 1)
}

/** Go's garbage collector begins to work hard below the limit at which the container is killed. */
function toMemoryLimit(memory: string): string {
  return `${Math.floor((toBytes(memory) * 0.9) / 2 ** 20)}MiB`
}
