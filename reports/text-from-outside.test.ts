import { describe, expect, it } from 'vitest'
import { escapeHtml } from './html/markup.ts'
import { escapeXml } from './junit/report.ts'
import { escapeProse } from './markdown/document.ts'
import { cleanText } from './wording/index.ts'

interface Written {
  text: string
  /** On one line without control characters; unless it is named, `text`. */
  clean?: string
  /** In XML and in HTML; unless they are named, `text`. */
  xml?: string
  html?: string
  /** In Markdown; unless it is named, the clean text. */
  prose?: string
}

const texts: Record<string, Written> = {
  'an ordinary name': { text: 'task-crud/list' },
  'an ordinary sentence': { text: 'p95 753 ms, budget 500 ms; 12 %' },
  'other alphabets and pictographs': { text: '結帳 über 🛒', prose: '結帳 über &#128722;' },
  'a limit': {
    text: 'p95 < 500 ms',
    xml: 'p95 &lt; 500 ms',
    html: 'p95 &lt; 500 ms',
    prose: 'p95 &#60; 500 ms',
  },
  markup: {
    text: '<b>&amp;</b>',
    xml: '&lt;b&gt;&amp;amp;&lt;/b&gt;',
    html: '&lt;b&gt;&amp;amp;&lt;/b&gt;',
    prose: '&#60;b&#62;&#38;amp;&#60;/b&#62;',
  },
  'the end of a CDATA section': { text: ']]>', xml: ']]&gt;', html: ']]&gt;', prose: '&#93;&#93;&#62;' },
  'lines, whose ends an attribute of XML would turn into spaces': {
    text: ' a\r\n\tb\u2028c ',
    clean: 'a b c',
    xml: ' a&#13;&#10;&#9;b\u2028c ',
  },
  'an escape sequence': {
    text: '\u001b[31mred\u009b0m',
    clean: '\ufffd[31mred\ufffd0m',
    xml: '\ufffd[31mred\u009b0m',
    prose: '\ufffd&#91;31mred\ufffd0m',
  },
  'a direction override': { text: 'a\u202egnp.exe', clean: 'a\ufffdgnp.exe' },
  'invisible characters': { text: 'pay\u200bpal\u{e0041}', clean: 'pay\ufffdpal\ufffd' },
  'the first half of a surrogate pair': { text: 'a\ud83d', clean: 'a\ufffd', xml: 'a\ufffd' },
  'the two noncharacters that XML forbids': {
    text: '\ufffe\uffff',
    clean: '\ufffd\ufffd',
    xml: '\ufffd\ufffd',
  },
  'a mention': { text: '@octocat', prose: '&#64;\u200boctocat' },
  'the number of an issue': { text: '#12', prose: '&#35;\u200b12' },
  'the short form of an issue': { text: 'see GH-12', prose: 'see GH-\u200b12' },
  'an address': { text: 'http://e.example', prose: 'http&#58;\u200b//e.example' },
  'an address without its scheme': { text: 'www.e.example', prose: 'www.\u200be.example' },
  'the bar of a table': { text: 'a|b', prose: 'a&#124;b' },
  'the beginning of a list': { text: '- a', prose: '\u200b- a' },
  'the beginning of a numbered list': { text: '1. a', prose: '\u200b1. a' },
}

describe('text from outside', () => {
  it.each(Object.entries(texts))('is text in each report: %s', (_, { text, clean = text, ...written }) => {
    expect(cleanText(text)).toBe(clean)
    expect(escapeXml(text)).toBe(written.xml ?? text)
    expect(escapeHtml(text)).toBe(written.html ?? text)
    expect(escapeProse(text)).toBe(written.prose ?? clean)
  })
})
