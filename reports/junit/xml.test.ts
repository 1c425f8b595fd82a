import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hostileText } from '../testing/examples/index.ts'
import { element, escapeXml } from './report.ts'
import { readXml } from './testing/read-xml.ts'

const declaration = '<?xml version="1.0" encoding="UTF-8"?>\n'
// Code units, not characters: lone surrogates and the characters XML forbids are what this is about.
const anyText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.array(fc.integer({ min: 0, max: 0xffff })).map((units) => String.fromCharCode(...units)),
  fc
    .array(
      fc.constantFrom(
        '&',
        '<',
        '>',
        '"',
        "'",
        ']]>',
        '<!--',
        '\u0000',
        '\u001b',
        '\ufffe',
        '\ud800',
        '\t',
        '\n',
        '\r',
        '&#0;',
        '&amp;',
        'a',
      ),
    )
    .map((parts) => parts.join('')),
)
/** The text as XML 1.0 can represent it. */
function sayable(text: string): string {
  return text
    .toWellFormed()
    .replaceAll(/[\p{Cc}\ufffe\uffff]/gu, (character) =>
      (character >= '\u007f' && character <= '\u009f') || '\t\n\r'.includes(character) ? character : '\ufffd',
    )
}

describe('text in XML', () => {
  it('is read back unchanged from attributes and elements, except for what XML 1.0 cannot represent', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const read = readXml(declaration + element('a', { b: text }, [escapeXml(text) || '<c/>']))
        expect(read.attributes['b']).toBe(sayable(text))
        if (text !== '') expect(read.text).toBe(`\n${sayable(text)}\n`)
      }),
      { numRuns: 500 },
    )
  })

  it.each([
    ['markup', '<b>&amp;</b>', '&lt;b&gt;&amp;amp;&lt;/b&gt;'],
    ['the end of a CDATA section', ']]>', ']]&gt;'],
    ['an escape sequence', '\u001b[31m', '\ufffd[31m'],
    ['half a surrogate pair', 'a\ud83d', 'a\ufffd'],
    ['a whole one', '😀', '😀'],
    ['the two noncharacters XML forbids', '\ufffe\uffff', '\ufffd\ufffd'],
    ['line ends, which an attribute would turn into spaces', 'a\r\nb\tc', 'a&#13;&#10;b&#9;c'],
  ])('holds %s as text', (_, text, written) => {
    expect(escapeXml(text)).toBe(written)
  })
})

describe('the reader of these tests', () => {
  it.each([
    ['a character that is forbidden', '<a>\u0001</a>', 'a character that XML 1.0 forbids'],
    ['one that is forbidden by reference', '<a>&#1;</a>', 'no reference'],
    ['a bare ampersand', '<a>&</a>', 'no reference'],
    ['an unknown entity', '<a>&nbsp;</a>', 'no reference'],
    ['tags that cross', '<a><b></a></b>', 'Expected closing tag'],
    ['a tag left open', '<a>', 'Unclosed tag'],
    ['an attribute twice', '<a b="1" b="2"/>', 'is repeated'],
    ['markup in an attribute', '<a b="<"/>', 'no tag'],
    ['two roots', '<a/><b/>', 'not exactly one element'],
    ['text after the root', '<a/>x', 'not exactly one element'],
    ['the end of CDATA in text', '<a>]]></a>', ']]> in text'],
    ['half a surrogate pair', '<a>\ud800</a>', 'a character that XML 1.0 forbids'],
  ])('refuses %s', (_, text, reason) => {
    expect(() => readXml(declaration + text)).toThrow(reason)
  })

  it('reads what is well-formed', () => {
    expect(readXml(`${declaration}<a b="1 &quot;">x<c/>&#10;</a>\n`)).toEqual({
      name: 'a',
      attributes: { b: '1 "' },
      text: 'x\n',
      children: [{ name: 'c', attributes: {}, text: '', children: [] }],
    })
    expect(() => readXml(declaration + escapeXml(hostileText))).toThrow('not exactly one element')
  })
})
