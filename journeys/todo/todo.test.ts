import { describe, expect, it } from 'vitest'
import { findJourneyProblems } from '../client/index.ts'
import { startContext } from '../index.ts'
import { credentials, expectField, expectText, fieldOf } from './account.ts'
import journeys from './journeys.ts'

const answer = (json: unknown) => ({ status: 200, headers: {}, json, text: JSON.stringify(json) })

it('the journeys of the todo API can be run', () => {
  expect(findJourneyProblems(journeys)).toEqual([])
  expect(journeys.map(({ name }) => name)).toEqual([
    'health',
    'ready',
    'auth-flow',
    'task-crud',
    'export-import',
    'authorization',
    'rate-limit',
  ])
})

it.each(journeys.flatMap(({ name, after = [] }) => after.map((step) => ({ name, step }))))(
  '$name removes no account that was not registered: $step.name',
  ({ step }) => {
    const request = step.request(startContext('unique', 1, 1))
    expect(request).toEqual({ method: 'GET', path: '/health' })
    const registered = { ...startContext('unique', 1, 1), accessToken: 'a', otherToken: 'a' }
    expect(step.request(registered)).toMatchObject({
      method: 'DELETE',
      headers: { authorization: 'Bearer a' },
    })
  },
)

describe('the credentials of an account', () => {
  const longest = startContext(`20261124-040506-007-${'s'.repeat(64)}-k3f9`, 9999, 1_234_567)

  it('keep within what the API takes, however long the run is called', () => {
    const { email, password } = credentials(longest)
    expect(email.split('@')[0]?.length).toBeLessThanOrEqual(64)
    expect(password.length).toBeLessThanOrEqual(128)
  })

  it('differ for each user, iteration and run', () => {
    const contexts = [
      longest,
      startContext(longest.unique, 9999, 1_234_568),
      startContext('20261124-040506-007-a-k3f8', 1, 1),
      startContext('20261124-040506-007-a-k3f9', 1, 1),
    ]
    expect(new Set(contexts.map((ctx) => credentials(ctx).email)).size).toBe(contexts.length)
  })
})

describe('a check', () => {
  it('says what was found and what was expected', () => {
    expect(expectField(answer({ user: { email: 'a@b.c' } }), 'user.email', 'x@y.z')).toBe(
      'user.email is "a@b.c", expected "x@y.z"',
    )
    expect(expectField(answer('no object'), 'status', 'healthy')).toBe('status is absent, expected "healthy"')
    expect(expectText(answer({ id: '' }), 'id')).toBe('id is string, expected text')
  })

  it('takes nothing inherited for a field of the answer', () => {
    expect(fieldOf(answer({}), 'constructor.name')).toBeUndefined()
  })
})
