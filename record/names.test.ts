import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createNameFitter, fitName } from './text.ts'

const long = (end: string): string => `a step with a very long name that no one would ever type twice ${end}`

describe('a name made fit', () => {
  it.each([
    [['pay now'], 'pay-now'],
    [['a', 'b c', 'GET /'], 'a.b-c.GET'],
    [['Корзина: оплата'], 'Корзина-оплата'],
    [['购物车', '结账'], '购物车.结账'],
    [['हिन्दी', 'עגלה', 'سلة'], 'हिन्दी.עגלה.سلة'],
    [['🛒'], '🛒'],
    [['🇩🇪 ü'], '🇩🇪-ü'],
    [['\u001B[2J\u202E'], '2J'],
    [[''], 'unnamed'],
    [[' '], 'unnamed'],
    [['***'], expect.stringMatching(/^unnamed-[0-9a-f]{8}$/)],
    [[long('once')], expect.stringMatching(/^a-step-with-a-very-long-.*-[0-9a-f]{8}$/)],

    [['я'.repeat(61)], expect.stringMatching(/^я{51}-[0-9a-f]{8}$/)],
    [['я'.repeat(60)], 'я'.repeat(60)],
  ])('of %j is %s', (texts, expected) => {
    expect(fitName(texts, 60)).toEqual(expected)
  })

  it('is bounded, and the same text has the same name', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: 'binary', maxLength: 80 }), { minLength: 1, maxLength: 3 }),
        (texts) => {
          const name = fitName(texts, 60)
          expect([...name].length).toBeLessThanOrEqual(60)
          expect([...name].length).toBeGreaterThan(0)
          expect(fitName(texts, 60)).toBe(name)
        },
      ),
    )
  })

  it('is never that of another text', () => {
    const texts = fc.uniqueArray(
      fc.string({ unit: fc.constantFrom('a', ' ', '-', '/', '.', 'я'), maxLength: 8 }),
      {
        maxLength: 40,
      },
    )
    fc.assert(
      fc.property(texts, (all) => {
        const fit = createNameFitter(60)
        const names = all.filter((text) => text.trim() !== '').map((text) => fit([text]))
        expect(new Set(names).size).toBe(names.length)
        expect(all.filter((text) => text.trim() !== '').map((text) => fit([text]))).toEqual(names)
      }),
    )
    const fit = createNameFitter(60)
    expect(new Set([['pay now'], ['pay-now'], ['pay', 'now'], [long('1')], [long('2')]].map(fit)).size).toBe(
      5,
    )
  })
})
