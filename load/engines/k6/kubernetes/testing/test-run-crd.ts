/**
 * The part of the TestRun of k6-operator 1.6 (k6.io/v1alpha1) that vigil writes, by its Go types: the API
 * server refuses a field or a type that the real one would refuse. Where that embeds parts of a pod, this one
 * does too, as far as vigil sets them.
 */
const text = { type: 'string' }
const object = (properties: object): object => ({ type: 'object', properties })
const list = (items: object): object => ({ type: 'array', items })
const texts = { type: 'object', additionalProperties: text }
const quantities = {
  type: 'object',
  additionalProperties: { anyOf: [{ type: 'integer' }, text], 'x-kubernetes-int-or-string': true },
}
const probe = object({
  httpGet: object({
    path: text,
    port: { anyOf: [{ type: 'integer' }, text], 'x-kubernetes-int-or-string': true },
  }),
  periodSeconds: { type: 'integer' },
  timeoutSeconds: { type: 'integer' },
  failureThreshold: { type: 'integer' },
})

const pod = object({
  disabled: { type: 'boolean', default: false },
  automountServiceAccountToken: text,
  image: text,
  imagePullSecrets: list(object({ name: text })),
  nodeSelector: texts,
  serviceAccountName: text,
  resources: object({ requests: quantities, limits: quantities }),
  env: list(
    object({
      name: text,
      value: text,
      valueFrom: object({
        fieldRef: object({ fieldPath: text }),
        secretKeyRef: object({ name: text, key: text }),
      }),
    }),
  ),
  securityContext: object({
    runAsNonRoot: { type: 'boolean' },
    runAsUser: { type: 'integer' },
    runAsGroup: { type: 'integer' },
    seccompProfile: object({ type: text }),
  }),
  containerSecurityContext: object({
    allowPrivilegeEscalation: { type: 'boolean' },
    readOnlyRootFilesystem: { type: 'boolean' },
    capabilities: object({ drop: list(text) }),
  }),
  topologySpreadConstraints: list(
    object({
      maxSkew: { type: 'integer' },
      topologyKey: text,
      whenUnsatisfiable: text,
      labelSelector: object({ matchLabels: texts }),
    }),
  ),
  livenessProbe: probe,
  readinessProbe: probe,
  volumes: list(
    object({
      name: text,
      emptyDir: object({
        sizeLimit: { anyOf: [{ type: 'integer' }, text], 'x-kubernetes-int-or-string': true },
      }),
      secret: object({ secretName: text, items: list(object({ key: text, path: text })) }),
    }),
  ),
  volumeMounts: list(object({ name: text, mountPath: text, readOnly: { type: 'boolean' } })),
})

/** @param without fields of the spec that an older k6-operator does not know */
export function testRunDefinition(without: readonly string[] = []): object {
  const properties = {
    parallelism: { type: 'integer', format: 'int32' },
    args: list(text),
    arguments: text,
    cleanup: { type: 'string', enum: ['post'] },
    script: object({
      configMap: object({ name: text, file: text }),
      volumeClaim: object({ name: text, file: text, readOnly: { type: 'boolean' } }),
      localFile: text,
    }),
    initializer: pod,
    starter: pod,
    runner: pod,
  }
  const known = Object.fromEntries(Object.entries(properties).filter(([name]) => !without.includes(name)))
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'testruns.k6.io' },
    spec: {
      group: 'k6.io',
      scope: 'Namespaced',
      names: { kind: 'TestRun', listKind: 'TestRunList', plural: 'testruns', singular: 'testrun' },
      versions: [
        {
          name: 'v1alpha1',
          served: true,
          storage: true,
          subresources: { status: {} },
          schema: {
            openAPIV3Schema: object({
              spec: { ...object(known), required: ['parallelism', 'script'] },
              status: object({
                stage: {
                  type: 'string',
                  enum: [
                    'initialization',
                    'initialized',
                    'created',
                    'started',
                    'stopped',
                    'finished',
                    'error',
                  ],
                },
              }),
            }),
          },
        },
      ],
    },
  }
}
