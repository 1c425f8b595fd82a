import { expect, test } from 'vitest'
import { toTracedPath } from './spans.ts'

const id = '01890a5d-ac96-774b-bcce-b302099a8057'

test.each<[target: string, route: string, expected: string | undefined, why: string]>([
  ['/tasks?q=secret', '/tasks', '/tasks', 'the query is left out'],
  [`/tasks/${id}?x=1`, '/tasks/:id', `/tasks/${id}`, 'an id is kept'],
  ['/tasks/alice@example.com', '/tasks/:id', '/tasks/:id', 'anything else in the place of an id is not'],
  [
    `/exports/${id}/download`,
    '/exports/:id/download',
    `/exports/${id}/download`,
    'an id may be in the middle',
  ],
  ['/reset/hunter2', 'unmatched', undefined, 'a path without a route is omitted'],
  ['*', '/tasks/:id', '/tasks/:id', 'a target may be no path at all'],
])('%s at %s is traced as %s: %s', (target, route, expected) => {
  expect(toTracedPath(target, route)).toBe(expected)
})
