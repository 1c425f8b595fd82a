import { existsSync } from 'node:fs'
import { appendFile, mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { runGit } from '../../../runtime/processes/index.ts'
import type { GitContext } from '../../../runtime/processes/index.ts'

/** What happened to a file of the project. */
export interface WrittenFile {
  /** Relative to the folder where init runs. */
  path: string
  state: 'written' | 'kept' | 'extended'
  about: string
}

/** Writes a file that does not exist, whatever another program does at the same time. */
export async function writeNew(
  folder: string,
  path: string,
  text: string,
  about: string,
): Promise<WrittenFile> {
  const file = join(folder, path)
  await mkdir(dirname(file), { recursive: true })
  try {
    await writeFile(file, text, { flag: 'wx' })
    return { path, state: 'written', about }
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST')
      return { path, state: 'kept', about: 'it exists already' }
    throw error
  }
}

/** One line for each file. */
export function describeFiles(files: readonly WrittenFile[]): string {
  const width = Math.max(...files.map(({ path }) => path.length))
  return files
    .map(({ path, state, about }) => `${state.padEnd(8)}  ${path.padEnd(width)}  ${about}`)
    .join('\n')
}

/** Adds `.vigil/` to `.gitignore`, unless a line of it ignores the folder. */
export async function ignoreResults(folder: string): Promise<WrittenFile> {
  const path = '.gitignore'
  const file = join(folder, path)
  const text = existsSync(file) ? await readFile(file, 'utf8') : undefined
  if (text === undefined) return writeNew(folder, path, '.vigil/\n', 'ignores .vigil/, where results go')
  if (/^\/?\.vigil\/?\s*$/m.test(text)) return { path, state: 'kept', about: 'it ignores .vigil/' }
  await appendFile(file, `${text === '' || text.endsWith('\n') ? '' : '\n'}.vigil/\n`)
  return { path, state: 'extended', about: 'ignores .vigil/, where results go' }
}

/** Writes the workflow to the root of the repository, where GitHub reads it. */
export async function writeWorkflow(
  { folder, env, signal }: GitContext,
  facts: { startsService: boolean; secrets: readonly string[] },
): Promise<WrittenFile> {
  const top = await runGit({ folder, env, signal }, 'rev-parse', '--show-toplevel')
  const root = top.state === 'ok' && top.output !== '' ? top.output : folder
  const path = relative(folder, join(root, '.github/workflows/vigil.yml'))
  const text = renderWorkflow({
    ...facts,
    subfolder: relative(root, folder),
    install: findInstall(folder, root),
  })
  const about = facts.startsService
    ? 'gates each pull request'
    : 'gates the service that the repository variable VIGIL_TARGET names, when you start it'
  return writeNew(folder, path, text, about)
}

function findInstall(folder: string, root: string): string {
  const has = (name: string): boolean => existsSync(join(folder, name)) || existsSync(join(root, name))
  if (has('pnpm-lock.yaml')) return 'corepack enable && pnpm install --frozen-lockfile'
  if (has('yarn.lock')) return 'corepack enable && yarn install --immutable'
  return has('package-lock.json') ? 'npm ci' : 'npm install'
}

function renderWorkflow({
  startsService,
  secrets,
  subfolder,
  install,
}: {
  startsService: boolean
  secrets: readonly string[]
  subfolder: string
  install: string
}): string {
  const variables = [
    ...(startsService ? [] : ['VIGIL_TARGET: ${{ vars.VIGIL_TARGET }}']),
    ...secrets.map((name) => `${name}: \${{ secrets.${name} }}`),
  ]
  const events = startsService ? ['  pull_request:', '  workflow_dispatch:'] : ['  workflow_dispatch:']
  return [
    'name: vigil',
    'on:',
    ...events,
    'permissions:',
    '  contents: read',
    'jobs:',
    '  gate:',
    '    runs-on: ubuntu-latest',
    '    timeout-minutes: 30',
    ...(subfolder === ''
      ? []
      : ['    defaults:', '      run:', `        working-directory: ${JSON.stringify(subfolder)}`]),
    '    steps:',
    '      - uses: actions/checkout@v7',
    '        with:',
    '          # The duet compares the change with the commit where it left its base.',
    '          fetch-depth: 0',
    '      - uses: actions/setup-node@v7',
    '        with:',
    '          node-version: 24',
    `      - run: ${install}`,
    `      - run: npx vigil gate${startsService ? '' : ' --target "$VIGIL_TARGET"'}`,
    ...(variables.length === 0 ? [] : ['        env:', ...variables.map((line) => `          ${line}`)]),
    '      - if: always()',
    '        run: cat .vigil/gates/*/report.md >> "$GITHUB_STEP_SUMMARY"',
    '      - if: always()',
    '        uses: actions/upload-artifact@v7',
    '        with:',
    '          name: vigil',
    `          path: ${JSON.stringify(subfolder === '' ? '.vigil/' : `${subfolder}/.vigil/`)}`,
    '          include-hidden-files: true',
    '',
  ].join('\n')
}
