import { readFileSync } from 'node:fs'
import { Role } from 'kubernetes-models/rbac.authorization.k8s.io/v1'
import { expect, it } from 'vitest'
import { parse } from 'yaml'
import { permissions } from '../../../load/engines/k6/kubernetes/permissions.ts'

interface Rule {
  apiGroups: string[]
  resources: string[]
  verbs: string[]
}

it('the role grants what a load in Kubernetes asks for, and nothing else', () => {
  const role: unknown = parse(readFileSync(new URL('role.yaml', import.meta.url), 'utf8'))
  expect(() => new Role(Object(role)).validate()).not.toThrow()
  const granted = (Object(role).rules as Rule[]).flatMap(({ apiGroups, resources, verbs }) =>
    apiGroups.flatMap((group) =>
      resources.flatMap((resource) => verbs.map((verb) => `${verb} ${resource}.${group}`)),
    ),
  )
  const needed = permissions.flatMap(({ group, resource, subresource, verbs }) =>
    verbs.map((verb) => `${verb} ${[resource, subresource].filter(Boolean).join('/')}.${group}`),
  )
  expect(granted.toSorted()).toEqual(needed.toSorted())
})
