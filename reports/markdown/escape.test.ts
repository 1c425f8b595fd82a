import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hostileText } from '../testing/examples/index.ts'
import { cleanText } from '../wording/index.ts'
import { formatCode, escapeProse } from './document.ts'
import { shown, structureOf } from './testing/markdown.ts'

const special = fc.constantFrom(
  '|',
  '`',
  '``',
  '<b>',
  '</details>',
  '[x](http://e.example)',
  '![i](u)',
  '@octocat',
  '@org/team',
  '#12',
  'GH-1',
  'www.e.example',
  'http://e.example',
  'a@e.example',
  '**',
  '__',
  '~~',
  '- ',
  '+ ',
  '1. ',
  '# ',
  '> ',
  '\\',
  '\\|',
  '&amp;',
  '&#64;',
  '\n',
  '\r\n',
  '\u2028',
  '$x$',
  ':tada:',
  '^',
  '---',
  '===',
  '\u202e',
  '\u001b[31m',
  '\u0000',
  '\ud800',
  'word',
  ' ',
  '    ',
)
const anyText = fc.oneof(
  fc.array(special).map((parts) => parts.join('')),
  fc.string({ unit: 'binary' }),
  fc.constant(hostileText),
)

describe.each([
  ['prose', escapeProse],
  ['code', formatCode],
] as const)('text from outside as %s', (_, write) => {
  it('means nothing to Markdown, HTML or the site, and reads as it was', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const written = write(text)
        expect(structureOf(written)).toEqual([])
        expect(shown(written)).toBe(cleanText(text))
      }),
      { numRuns: 500 },
    )
  })

  it('is one line without control or direction characters', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        expect(write(text).replaceAll('\u200b', '')).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u)
      }),
    )
  })

  it('keeps to its length, counted in what is shown', () => {
    fc.assert(
      fc.property(anyText, fc.integer({ min: 2, max: 50 }), (text, max) => {
        expect([...shown(write(text, max))].length).toBeLessThanOrEqual(max)
      }),
    )
  })
})

describe('code from outside', () => {
  it('is shown in the style of code, with a backtick as an entity', () => {
    expect(formatCode('task-crud/list')).toBe('`task-crud/list`')
    expect(formatCode('http://127.0.0.1:8000/a')).toBe('`http://127.0.0.1:8000/a`')
    expect(formatCode('a`b')).toBe('<code>a&#96;b</code>')
    expect(formatCode('')).toBe('')
  })
})
