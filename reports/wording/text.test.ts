import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hostileText } from '../testing/examples/index.ts'
import { anyText } from '../../record/testing/any-text.ts'
import { cleanText, toPublicUrl } from './format.ts'

describe('cleaned text', () => {
  it('is one line of at most its length without control or direction characters', () => {
    fc.assert(
      fc.property(
        fc.oneof(anyText, fc.constant(hostileText)),
        fc.integer({ min: 1, max: 400 }),
        (text, max) => {
          const clean = cleanText(text, max)
          expect(clean).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\ufffe\uffff]/u)
          expect([...clean].length).toBeLessThanOrEqual(max)
          expect(cleanText(clean, max), 'clean text stays as it is').toBe(clean)
        },
      ),
      { numRuns: 300 },
    )
  })

  it('ends in an ellipsis when it was cut, and a long text is not processed as a whole', () => {
    expect(cleanText('abcdef', 4)).toBe('abc…')
    expect(cleanText('🚀🚀🚀', 2)).toBe('🚀…')
    expect(cleanText('x'.repeat(50_000_000), 10)).toBe('xxxxxxxxx…')
    expect(cleanText(`${' '.repeat(1000)}x`, 10)).toBe('…')
  })
})

describe('a public URL', () => {
  const shownUrls = {
    'http://127.0.0.1:8000': ['http://127.0.0.1:8000', 'http://127.0.0.1:8000/'],
    'https://shop.example/api': [
      'https://shop.example/api?token=secret#secret',
      'https://robot:secret@shop.example/api',
    ],
    'http://[::1': ['http://robot:se@cret@[::1'],
    'http://shop.example:99999/': ['http://robot:se/cret@shop.example:99999/'],
    'shop.example': ['//robot:secret@shop.example'],
    'shop.example:9091': ['robot:secret@shop.example:9091', 'shop.example:9091'],
    'postgres://shop.example/db': ['postgres://robot:secret@shop.example/db?password=secret'],
    '': [''],
  }
  it.each(Object.entries(shownUrls))('%j is what is shown of %j', (shown, urls) => {
    for (const url of urls) expect(toPublicUrl(url), url).toBe(shown)
  })

  it('contains neither user nor password', () => {
    const secret = fc
      .string({ unit: 'binary', minLength: 6, maxLength: 20 })
      .map((text) => `canary${text}canary`)
    fc.assert(
      fc.property(
        secret,
        secret,
        fc.constantFrom('http://', 'https://', 'ftp://', '//', ''),
        fc.boolean(),
        (user, password, scheme, encoded) => {
          const write = encoded ? encodeURIComponent : (text: string) => text
          fc.pre(user.isWellFormed() && password.isWellFormed())
          // A bare slash, question mark or hash in a password ends the host. A parser takes what follows
          // for a
          // path, and nothing identifies it as a secret.
          fc.pre(encoded || !/[/?#\\]/.test(user + password))
          expect(toPublicUrl(`${scheme}${write(user)}:${write(password)}@shop.example/a`)).not.toContain(
            'canary',
          )
        },
      ),
    )
  })
})
