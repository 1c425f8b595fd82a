import { spawnSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { findCauseLine } from './output.ts'

function hasProgram(name: string): boolean {
  return spawnSync('/bin/sh', ['-c', `command -v ${name}`]).status === 0
}

describe('the line of an output that says why a program ended', () => {
  it.each([
    [
      "const server = require('node:http').createServer(); server.listen(80000)",
      /^RangeError \[ERR_SOCKET_BAD_PORT\]/,
    ],
    ["throw new Error('outer', { cause: new TypeError('inner') })", /^Error: outer/],
    ["process.on('exit', () => {}); Promise.reject(new Error('no database'))", /^Error: no database/],
    ["console.error('no configuration'); process.exit(3)", /^no configuration$/],
    ["console.error('working'); console.error('   '); process.exit(1)", /^working$/],
  ])('of Node with %s', (script, expected) => {
    const { stderr } = spawnSync(process.execPath, ['-e', script], { encoding: 'utf8' })
    expect(findCauseLine(stderr)).toMatch(expected)
  })

  it.runIf(hasProgram('python3'))('of Python, whose message comes last', () => {
    const { stderr } = spawnSync('python3', ['-c', 'import json; json.loads("{")'], { encoding: 'utf8' })
    expect(findCauseLine(stderr)).toMatch(/^json\.decoder\.JSONDecodeError: /)
  })

  it.each([
    [
      'Go',
      'panic: no database\n\ngoroutine 1 [running]:\nmain.main()\n\t/app/main.go:4 +0x25\nexit status 2\n',
      'panic: no database',
    ],
    [
      'Java',
      'Exception in thread "main" java.lang.IllegalStateException: start\n\tat A.main(A.java:3)\n' +
        'Caused by: java.net.ConnectException: refused\n\tat B\n\t... 1 more\n',
      'Caused by: java.net.ConnectException: refused',
    ],
    [
      'Rust',
      "thread 'main' panicked at src/main.rs:2:5:\nno database\nnote: run with `RUST_BACKTRACE=1`\n",
      "thread 'main' panicked at src/main.rs:2:5: no database",
    ],
    [
      'npm around Node',
      'Error: no database\n    at a.js:1\n\nNode.js v24.21.0\n' +
        'npm error Lifecycle script `start` failed\nnpm error code 1\n',
      'Error: no database',
    ],
    [
      'a log in JSON',
      '{"level":"info","msg":"up"}\n{"level":"fatal","msg":"no database"}\n',
      '{"level":"fatal","msg":"no database"}',
    ],
    ['nothing', '\n  \n', ''],
  ])('of %s', (_what, output, expected) => {
    expect(findCauseLine(output)).toBe(expected)
  })

  it('has no control characters', () => {
    expect(findCauseLine('\u001B[31mError: red\u001B[0m\u0007\n')).not.toMatch(/\p{Cc}/u)
  })
})
