import { describe, expect, test } from 'vitest'
import { eventually } from '../testing/index.ts'
import { Outbox } from './channel.ts'
import type { Batch } from './channel.ts'

/** An outbox whose batches are kept, and refused while `refusing` is true. */
function recorded() {
  const sent: Batch[] = []
  const state = { refusing: false, tries: 0 }
  const outbox = new Outbox(async (batch) => {
    state.tries += 1
    await Promise.resolve()
    if (state.refusing) throw new Error('not now')
    sent.push(batch)
  })
  return {
    outbox,
    sent,
    state,
    wrote: () => sent.flatMap((batch) => batch.wrote),
    revoked: () => sent.flatMap((batch) => batch.revoked),
  }
}

const ids = (count: number): string[] => Array.from({ length: count }, (_, index) => `id-${index}`)

describe('an outbox', () => {
  test('says everything, each id once, in batches that fit a notification', async () => {
    const { outbox, sent, wrote, revoked } = recorded()
    for (const id of [...ids(200), ...ids(200)]) outbox.addWrote(id)
    outbox.addRevoked('session')
    await eventually('all is said', 5000, () => wrote().length === 200)
    expect(new Set(wrote())).toEqual(new Set(ids(200)))
    expect(revoked()).toEqual(['session'])
    for (const batch of sent)
      expect(
        JSON.stringify({
          from: 'x'.repeat(36),
          wrote: batch.wrote.map(() => 'x'.repeat(36)),
          revoked: batch.wrote.map(() => 'x'.repeat(36)),
        }).length,
      ).toBeLessThan(8000)
  })

  test('says again what could not be said, until it could', async () => {
    const { outbox, state, wrote, revoked } = recorded()
    state.refusing = true
    outbox.addWrote('a')
    outbox.addRevoked('s')
    await eventually('tried twice', 5000, () => state.tries >= 2)
    outbox.addWrote('b')
    state.refusing = false
    await eventually('all is said', 5000, () => wrote().length === 2)
    expect([wrote().toSorted(), revoked()]).toEqual([['a', 'b'], ['s']])
  })

  test('of more users than it can keep says only that they are many', async () => {
    const { outbox, sent, wrote } = recorded()
    for (const id of ids(6000)) outbox.addWrote(id)
    await eventually('it is said', 5000, () => sent.length > 0)
    expect(sent[0]).toMatchObject({ wroteMany: true })
    // Named again are only those that came after.
    outbox.addWrote('later')
    await eventually('later is said', 5000, () => wrote().includes('later'))
    expect(sent.filter((batch) => batch.wroteMany)).toHaveLength(1)
  })

  test('stops after sending all messages, and within half a second if sending fails', async () => {
    const said = recorded()
    for (const id of ids(300)) said.outbox.addWrote(id)
    await said.outbox.stop()
    expect(said.wrote()).toHaveLength(300)
    const stuck = new Outbox(() => new Promise(() => undefined))
    stuck.addWrote('a')
    await expect(stuck.stop()).resolves.toBeUndefined()
  })
})
