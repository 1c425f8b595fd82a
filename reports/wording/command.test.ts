import { execFileSync } from 'node:child_process'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { composeCommand } from './format.ts'

describe('a command to repeat', () => {
  it.each<[string[], Record<string, string> | undefined, string]>([
    [
      ['load', 'browse', '--config', 'a.ts', '--out', 'x'],
      undefined,
      'vigil load browse --config a.ts --out x',
    ],
    [['load', '--duration', '3', 'browse'], { '--duration': '60' }, 'vigil load browse --duration 60'],
    [['load', '--duration=3'], { '--duration': '60' }, 'vigil load --duration 60'],
    [['gate', '--json', '--quiet'], undefined, 'vigil gate'],
    [
      ['ab', 'main', '--pairs', '8'],
      { '--pairs': '16', '--max-minutes': '10' },
      'vigil ab main --pairs 16 --max-minutes 10',
    ],
    [['gate', '--target', 'http://a:secret@h/x'], undefined, 'vigil gate --target http://h/x'],
    [['gate', '--target=http://a:secret@h/x'], undefined, 'vigil gate --target=http://h/x'],
    [['ab', 'HEAD~1', 'v1^'], undefined, 'vigil ab HEAD~1 v1^'],
  ])('of %j with %j', (args, changes, expected) => {
    expect(composeCommand(args, changes)).toBe(expected)
  })

  it('is read by a shell as it was typed, whatever its arguments hold', () => {
    const arg = fc
      .string({ unit: 'grapheme', maxLength: 20 })
      .filter((text) => !/^(-|https?:)|[\0\n\r]/.test(text))
    fc.assert(
      fc.property(fc.array(arg, { minLength: 1, maxLength: 5 }), (args) => {
        const script = `vigil() { printf '%s\\n' "$@"; }\n${composeCommand(args)}`
        expect(execFileSync('/bin/sh', ['-c', script], { encoding: 'utf8' })).toBe(`${args.join('\n')}\n`)
      }),
      { numRuns: 50 },
    )
  })
})
