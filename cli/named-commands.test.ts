import { globSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { parseAst } from 'vitest/node'
import { describeCommands } from './program.ts'

// Advice that names a command or an option which does not exist cannot be followed.

const root = fileURLToPath(new URL('..', import.meta.url))
const folders = ['reports', 'baselines', 'cli', 'load', 'monitoring/grafana']

/** What follows "vigil" where it is the subject of a sentence. */
const verbs = new Set(['starts', 'and', 'can', 'cannot', 'did', 'fetches', 'finds', 'measures'])

it('every command and option that a text names exists', async () => {
  const options = await optionsByCommand()
  const files = folders
    .flatMap((folder) => globSync(`${folder}/**/*.ts`, { cwd: root }))
    .filter((file) => !/\.test\.ts$|\/testing\//.test(file))
  expect(files.length).toBeGreaterThan(100)
  const wrong = files.flatMap((file) =>
    sentencesIn(readFileSync(new URL(`../${file}`, import.meta.url), 'utf8')).flatMap((sentence) =>
      unknownNames(sentence, options).map((name) => `${file}: ${name} in: ${sentence.trim().slice(0, 200)}`),
    ),
  )
  expect(wrong).toEqual([])
})

it('so does every one in the documents, runbooks, alert rules and dashboards', async () => {
  const options = await optionsByCommand()
  const files = globSync(
    ['*.md', '{docs,deploy,monitoring,journeys,load,backend}/**/*.{md,yml,yaml,json,tmpl}'],
    {
      cwd: root,
      exclude: ['**/node_modules/**', '**/fixtures/**', '**/package.json'],
    },
  )
  expect(files.length).toBeGreaterThan(40)
  const wrong = files.flatMap((file) =>
    codeIn(file, readFileSync(new URL(`../${file}`, import.meta.url), 'utf8')).flatMap((line) =>
      unknownNames(line, options)
        .filter((name) => name.startsWith('vigil '))
        .map((name) => `${file}: ${name} in: ${line.trim().slice(0, 200)}`),
    ),
  )
  expect(wrong).toEqual([])
})

it.each([
  ['spread it with --machines', ['--machines']],
  ['its record (vigil show, or the folder)', ['vigil show']],
  ['measure again: vigil ab --duration 60', ['vigil ab --duration']],
  ['measure longer (--duration), then vigil ab main --pairs 48', []],
  ['what vigil finds; vigil history --prune --keep 500', []],
])('of "%s" it refuses %j', async (sentence, names) => {
  expect(unknownNames(sentence, await optionsByCommand())).toEqual(names)
})

type OptionsByCommand = ReadonlyMap<string, ReadonlySet<string>>

async function optionsByCommand(): Promise<OptionsByCommand> {
  const program = await describeCommands()
  return new Map([
    ...program.commands.map((command): [string, Set<string>] => [
      command.name(),
      new Set(['--help', ...command.options.flatMap(({ long }) => long ?? [])]),
    ]),
    ['help', new Set<string>()],
    ['version', new Set<string>()],
  ])
}

function unknownNames(sentence: string, options: OptionsByCommand): string[] {
  const anywhere = new Set(['--version', ...[...options.values()].flatMap((names) => [...names])])
  // A command's own options stand between its name and the next punctuation.
  const commands = [...sentence.matchAll(/(?<![\w-])vigil ([a-z][a-z-]*)([^,;:()|&'"`\n]*)/g)]
  const ofCommands = commands.flatMap(([, name = '', rest = '']) => {
    if (verbs.has(name)) return []
    const known = options.get(name)
    if (known === undefined) return [`vigil ${name}`]
    return optionsIn(rest)
      .filter((option) => !known.has(option))
      .map((option) => `vigil ${name} ${option}`)
  })
  // Other programs have options of their own.
  const ours = sentence.replaceAll(/\b(git|npm|pnpm|yarn)( [\w.:/=-]+)+/g, '')
  return [
    ...ofCommands,
    ...optionsIn(ours).filter(
      (option) => !anywhere.has(option) && !ofCommands.some((name) => name.endsWith(` ${option}`)),
    ),
  ]
}

/** Not the properties of style sheets: `{--ink:`, `;--ink:`, ` --ink:#fff`, `var(--ink)`. */
function optionsIn(text: string): string[] {
  return [...text.matchAll(/(?:^|[\s'"`]|(?<!var)\()(--[a-z][a-z-]+)(?![\w-]|:\S)/g)].flatMap(
    ([, option]) => option ?? [],
  )
}

/** The lines of a document that are code: all but the prose of Markdown. */
function codeIn(file: string, text: string): string[] {
  if (!file.endsWith('.md')) return text.split('\n')
  const fenced = [...text.matchAll(/^```.*\n([^]*?)^```/gm)].flatMap(([, code = '']) => code.split('\n'))
  const spans = [...text.replaceAll(/^```[^]*?^```/gm, '').matchAll(/`([^`\n]+)`/g)]
  return [...fenced.map((line) => line.replace(/\s#.*$/, '')), ...spans.map(([, code = '']) => code)]
}

/** String and template literals with a space in them; those without are arguments of other programs. */
function sentencesIn(source: string): string[] {
  const sentences: string[] = []
  const visit = (node: unknown): void => {
    if (Array.isArray(node)) for (const each of node) visit(each)
    if (!isRecord(node)) return
    const { type, value, quasis } = node
    if (type === 'Literal' && typeof value === 'string') sentences.push(value)
    if (type === 'TemplateLiteral' && Array.isArray(quasis)) sentences.push(quasis.map(textOf).join('…'))
    for (const each of Object.values(node)) visit(each)
  }
  visit(parseAst(source, { lang: 'ts' }))
  return sentences.filter((sentence) => /\s/.test(sentence))
}

function textOf(quasi: unknown): string {
  if (!isRecord(quasi) || !isRecord(quasi['value'])) return ''
  return String(quasi['value']['cooked'])
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
