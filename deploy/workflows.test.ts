import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { requireTool } from '../runtime/tools/index.ts'
import { codeOf, root, writeFile } from './testing/project.ts'
import { readAction } from './testing/runner.ts'

const folder = mkdtempSync(join(tmpdir(), 'vigil-workflows-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('the file of the action', () => {
  const {
    runs: { steps },
  } = readAction(join(root, 'action.yml'))

  it('writes no expression into a script', () => {
    const scripts = steps.flatMap(({ run }) => run ?? [])
    expect(scripts.length).toBeGreaterThan(5)
    expect(scripts.filter((script) => script.includes('${{'))).toEqual([])
  })

  it('pins the actions of others by commit', () => {
    const used = steps.flatMap(({ uses }) => uses ?? [])
    expect(used.length).toBeGreaterThan(2)
    expect(used.filter((name) => !/@[0-9a-f]{40}$/.test(name))).toEqual([])
  })

  it('gives the token to the steps that publish, and to no other', () => {
    const withToken = steps.filter(({ env }) =>
      Object.values(env ?? {}).some((text) => text.includes('token')),
    )
    expect(withToken.map(({ name }) => name)).toEqual(['Show the check in progress', 'Publish'])
  })
})

it('the workflows of this repository and of the documents are valid', async () => {
  const lint = (...files: string[]): string => {
    try {
      return execFileSync(program, ['-no-color', ...files], { encoding: 'utf8' })
    } catch (error) {
      return error instanceof Error && 'stdout' in error ? String(error.stdout) : String(error)
    }
  }
  const program = await requireTool('actionlint')
  const workflows = join(root, '.github/workflows')
  const files = readdirSync(workflows).map((name) => join(workflows, name))
  const ofDocument = codeOf('yaml').filter((text) => /^on:/m.test(text))
  expect([files.length, ofDocument.length]).toEqual([6, 2])
  for (const [index, text] of ofDocument.entries()) {
    writeFile(join(folder, `${index}.yml`), text)
    files.push(join(folder, `${index}.yml`))
  }
  expect(lint(...files)).toBe('')
  writeFile(join(folder, 'bad.yml'), (ofDocument[0] ?? '').replace('runs-on', 'runs-of'))
  expect(lint(join(folder, 'bad.yml'))).toContain('runs-of')
  const used = files.flatMap((file) =>
    [...readFileSync(file, 'utf8').matchAll(/uses: (.*)/g)].map(([, name = '']) => name),
  )
  expect(used.filter((name) => name !== './' && !/@[0-9a-f]{40}(?: # v\S+)?$/.test(name))).toEqual([])
})
