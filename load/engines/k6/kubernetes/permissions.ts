import type { KubernetesApi } from '../../../../runtime/kubernetes/index.ts'

/** What vigil does in the namespace: a test compares it with `deploy/kubernetes/load/role.yaml`. */
export const permissions: readonly {
  group: string
  resource: string
  subresource?: string
  verbs: string[]
}[] = [
  { group: 'k6.io', resource: 'testruns', verbs: ['create', 'get', 'delete'] },
  { group: '', resource: 'configmaps', verbs: ['create', 'delete'] },
  { group: '', resource: 'secrets', verbs: ['create', 'delete'] },
  { group: '', resource: 'pods', verbs: ['list'] },
  { group: '', resource: 'pods', subresource: 'log', verbs: ['get'] },
  { group: '', resource: 'events', verbs: ['list'] },
]

/** Asks the API server for every permission that a load needs; the missing ones, or why that is not known. */
export async function findMissingPermissions(
  api: KubernetesApi,
  namespace: string,
  script: 'configmaps' | 'secrets',
): Promise<{ state: 'ok'; missing: string[] } | { state: 'unavailable'; reason: string }> {
  const needed = permissions
    .filter(({ resource }) => !['configmaps', 'secrets'].includes(resource) || resource === script)
    .flatMap(({ verbs, ...rest }) => verbs.map((verb) => ({ ...rest, verb })))
  const answers = await Promise.all(
    needed.map(async ({ group, resource, subresource, verb }) => ({
      name: `${verb} ${[resource, subresource].filter(Boolean).join('/')}${group && `.${group}`}`,
      answer: await api.call('POST', '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', {
        apiVersion: 'authorization.k8s.io/v1',
        kind: 'SelfSubjectAccessReview',
        spec: { resourceAttributes: { namespace, group, resource, subresource, verb } },
      }),
    })),
  )
  const failed = answers.find(({ answer }) => answer.state !== 'ok')?.answer
  if (failed?.state === 'unavailable') return failed
  if (failed?.state === 'refused') return { state: 'unavailable', reason: failed.message }
  return { state: 'ok', missing: answers.filter(({ answer }) => !isAllowed(answer)).map(({ name }) => name) }
}

function isAllowed(answer: { state: string; value?: unknown }): boolean {
  const { value } = answer
  return (
    typeof value === 'object' &&
    value !== null &&
    'status' in value &&
    typeof value.status === 'object' &&
    value.status !== null &&
    'allowed' in value.status &&
    value.status.allowed === true
  )
}
