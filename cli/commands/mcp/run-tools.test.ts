import { afterAll, describe, expect, it } from 'vitest'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { exitCodeOf } from '../../exit-codes.ts'
import { toRunAnswer } from './run-tools.ts'
import { capacityRun, storeRun } from './testing/stored-run.ts'

const out = mkdtempSync(join(tmpdir(), 'vigil-mcp-'))
afterAll(() => rmSync(out, { recursive: true, force: true }))

const target = 'http://127.0.0.1:8000/'
const saturated = { valid: false, reasons: ['the generator was saturated'] }

describe('the answer about a run that has ended', () => {
  it.each([
    ['no request failed', capacityRun(500, 0), 0, 'pass'],
    ['each request failed', capacityRun(500, 500), 1, 'fail'],
    ['there were too few requests', capacityRun(50, 0), 3, 'inconclusive'],
    ['the generator was saturated', capacityRun(500, 500, { validity: saturated }), 4, 'invalid'],
  ])('has exit code and verdict when %s', async (_, run, code, word) => {
    const verdict = await storeRun(out, run)
    const ended = { code: exitCodeOf(verdict.verdict), means: 'as in the table', messages: '' }
    expect(await toRunAnswer(target, out, { ...ended, document: run })).toMatchObject({
      target,
      exitCode: code,
      means: 'as in the table',
      id: run.id,
      verdict: { verdict: word },
      run: { suite: 'capacity', totals: run.totals },
    })
  })

  it('has the document of probes, which have no files of their own', async () => {
    const document = { schema: 'vigil.probes/1', probes: [{ name: 'home', outcome: 'down' }] }
    expect(await toRunAnswer(target, out, { code: 1, means: 'fail', messages: '', document })).toEqual({
      target,
      exitCode: 1,
      means: 'fail',
      result: document,
    })
  })

  it('has the messages of a run whose files are missing', async () => {
    const messages = 'vigil: no space left on device'
    const document = { id: 'nowhere' }
    expect(await toRunAnswer(target, out, { code: 4, means: 'invalid', messages, document })).toMatchObject({
      exitCode: 4,
      id: 'nowhere',
      problem: expect.stringContaining('expected the id of a run'),
      messages,
    })
  })

  it('is an error with the exit code when the command printed no document', async () => {
    const ended = { code: 2, means: 'the config is wrong', messages: 'vigil: suites.x: not found' }
    await expect(toRunAnswer(target, out, ended)).rejects.toThrow(
      'exit 2, the config is wrong: suites.x: not found',
    )
  })
})
