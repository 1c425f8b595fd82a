import fc from 'fast-check'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { describeFirstIssue } from './schema-issue.ts'

function issueOf(schema: z.ZodType, value: unknown): string {
  const { error } = schema.safeParse(value)
  if (error === undefined) throw new Error('the schema accepts it')
  return describeFirstIssue(error)
}

test('names the place and what is wrong there', () => {
  expect(
    issueOf(z.object({ runs: z.array(z.object({ id: z.string() })) }), { runs: [{ id: 'a' }, { id: 1 }] }),
  ).toMatch(/^runs\[1\]\.id: .*expected string/)
  expect(issueOf(z.object({}), 3)).toMatch(/^\(top level\): /)
})

test('is one line without control characters, whatever the keys are called', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.string({ unit: 'binary' }), fc.nat()), { maxLength: 4 }), (path) => {
      const message = describeFirstIssue({ issues: [{ path, message: 'wrong\nin two lines' }] })
      // oxlint-disable-next-line no-control-regex -- what must not be there
      expect(message).toMatch(/^[^\u0000-\u001f]+: wrong$/)
    }),
    { examples: [[['__proto__']], [['\u001b[2J', 3]]] },
  )
})
