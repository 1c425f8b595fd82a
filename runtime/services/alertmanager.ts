import { existsSync, mkdirSync } from 'node:fs'
import { copyFile, mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startService } from './launch.ts'
import type { StartResult, ToolOptions } from './launch.ts'

export interface AlertmanagerOptions extends ToolOptions {
  configFile: string
  /** What the links in notifications begin with; missing: its own address. */
  externalUrl?: string
  /** Its complete environment: SNS takes its credentials from there. */
  env?: NodeJS.ProcessEnv
  /** More flags. */
  flags?: readonly string[]
}

export async function startAlertmanager(options: AlertmanagerOptions): Promise<StartResult> {
  const data = join(options.folder, 'data')
  mkdirSync(data, { recursive: true })
  const program = await runnableAlertmanager(options.program, options.folder)
  return startService({
    name: 'Alertmanager',
    options,
    command: (port) => [
      program,
      `--config.file=${options.configFile}`,
      `--storage.path=${data}`,
      `--web.listen-address=127.0.0.1:${port}`,
      // No cluster: it does not look for peers and opens no second port to the network.
      '--cluster.listen-address=',
      `--web.external-url=${options.externalUrl ?? `http://127.0.0.1:${port}`}`,
      ...(options.flags ?? []),
    ],
    env: options.env ?? {},
    cwd: options.folder,
    logFile: join(options.folder, 'alertmanager.log'),
    ready: '/-/ready',
  })
}

const installedFolder = '/usr/share/prometheus/alertmanager'
/** Relative, and of the same number of bytes: the length of a string in Go is stored apart from its text. */
const relativeFolder = 'alertmanager-templates'.padStart(installedFolder.length, './')
const templates = fileURLToPath(new URL('alertmanager-templates/', import.meta.url))

/**
 * Debian builds Alertmanager to read its default templates from /usr/share. They are there only once the
 * package has been installed, which takes root; the unpacked program does not start. In that case this copies
 * it to `folder`, replaces the templates' path in the copy by a relative one, and copies the templates there.
 * The copy has to be started in `folder`.
 *
 * @returns the program to start: the copy, or `program` when it needs none
 */
export async function runnableAlertmanager(program: string, folder: string): Promise<string> {
  if (existsSync(join(installedFolder, 'default.tmpl'))) return program
  const code = await readFile(program)
  const offsets = findAll(code, installedFolder)
  if (offsets.length === 0) return program
  for (const offset of offsets) code.write(relativeFolder, offset, 'latin1')
  const target = join(folder, relativeFolder)
  await mkdir(target, { recursive: true })
  for (const file of ['default.tmpl', 'email.tmpl']) await copyFile(join(templates, file), join(target, file))
  const copy = join(folder, 'alertmanager-relocated')
  const scratch = `${copy}.${process.pid}`
  // Renamed into place, so that a copy which is still running keeps its own file.
  await writeFile(scratch, code, { mode: 0o700 })
  await rename(scratch, copy)
  return copy
}

function findAll(code: Buffer, text: string): number[] {
  const offsets: number[] = []
  for (let at = code.indexOf(text); at !== -1; at = code.indexOf(text, at + 1)) offsets.push(at)
  return offsets
}
