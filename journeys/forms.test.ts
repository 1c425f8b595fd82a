import { describe, expect, it } from 'vitest'
import fc from 'fast-check'
import { encodeForm } from './bodies.ts'
import { cookieHeader, saveCookies } from './cookies.ts'

const request = { method: 'POST', path: '/' }

describe('a form', () => {
  it('is encoded as URLSearchParams does it', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' })), (fields) => {
        const form = encodeForm({ ...request, form: fields }, 'u')
        expect(form?.body).toBe(new URLSearchParams(Object.entries(fields)).toString())
      }),
    )
  })

  it('with files has the bytes of each, whatever they are', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array(), fc.string({ unit: 'grapheme' }), async (bytes, text) => {
        const base64 = Buffer.from(bytes).toString('base64')
        const form = encodeForm(
          {
            ...request,
            multipart: {
              text,
              file: [
                { filename: 'ü"\n', base64 },
                { filename: 'b', text },
              ],
            },
          },
          'run 1/ä',
        )
        const headers = { 'content-type': form?.contentType ?? '' }
        const read = await new globalThis.Response(form?.body ?? '', { headers }).formData()
        const [file, other] = read.getAll('file').map((part) => (typeof part === 'string' ? undefined : part))
        expect(new Uint8Array((await file?.arrayBuffer()) ?? [])).toEqual(new Uint8Array(bytes))
        expect(file?.name).toBe('ü"\n')
        expect(await other?.text()).toBe(text)
      }),
      { numRuns: 50 },
    )
  })

  it('refuses a second body and what is no base64', () => {
    expect(() => encodeForm({ ...request, json: {}, form: {} }, 'u')).toThrow(
      'expected one body, got json and form',
    )
    const multipart = { a: { filename: 'a', base64: 'a-b' } }
    expect(() => encodeForm({ ...request, multipart }, 'u')).toThrow('expected base64, got "-" in it')
  })
})

describe('cookies', () => {
  const answer = (text: string) => ({ headers: { 'set-cookie': text } })

  it.each<[string, string, Record<string, string>]>([
    [
      'several, with dates',
      'a=1; Expires=Wed, 21 Oct 2037 07:28:00 GMT, b=2; Path=/, c="x, y"',
      { a: '1', b: '2', c: '"x, y"' },
    ],
    ['one that is removed by its age', 'old=x; Max-Age=0', {}],
    ['one that is removed by its date', 'old=x; expires=Thu, 01-Jan-1970 00:00:01 GMT', {}],
    ['one that is changed', 'old=new=er; Secure', { old: 'new=er' }],
    ['none', '', { old: '1' }],
    ['what is none', '=x; a, ;;, HttpOnly', { old: '1' }],
  ])('%s', (_, text, expected) => {
    const before = { old: '1' }
    const kept = 'old' in expected || Object.keys(expected).length === 0 ? {} : before
    expect(saveCookies(answer(text), before)).toEqual({ ...kept, ...expected })
    expect(before).toEqual({ old: '1' })
  })

  it('are sent as one header, or none', () => {
    expect(cookieHeader({ a: '1', b: 'x y', c: 3 })).toEqual({ cookie: 'a=1; b=x y' })
    expect([cookieHeader({}), cookieHeader(undefined)]).toEqual([{}, {}])
  })
})
