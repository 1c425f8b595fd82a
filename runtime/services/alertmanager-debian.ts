import { existsSync } from 'node:fs'
import { copyFile, mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const installed = '/usr/share/prometheus/alertmanager'
/** The same number of bytes, and relative: Go's strings carry their length beside them. */
const relative = 'alertmanager-templates'.padStart(installed.length, './')
const templates = fileURLToPath(new URL('../../monitoring/stack/alertmanager/templates/', import.meta.url))

/**
 * Debian builds Alertmanager to read its default templates from /usr/share, where they lie only once its package has
 * been installed, which takes root; unpacked, it does not start. Then a copy of it is made in `folder`, with that folder's
 * name made relative, and the templates are laid there. It has to be started in `folder`.
 *
 * @returns the program to start: that copy, or the one given when it needs none
 */
export async function runnableAlertmanager(program: string, folder: string): Promise<string> {
  if (existsSync(join(installed, 'default.tmpl'))) return program
  const code = await readFile(program)
  const places = placesOf(code, installed)
  if (places.length === 0) return program
  for (const place of places) code.write(relative, place, 'latin1')
  const beside = join(folder, relative)
  await mkdir(beside, { recursive: true })
  for (const file of ['default.tmpl', 'email.tmpl']) await copyFile(join(templates, file), join(beside, file))
  const copy = join(folder, 'alertmanager-relocated')
  const scratch = `${copy}.${process.pid}`
  // Renamed into place: one that still runs from there keeps its own.
  await writeFile(scratch, code, { mode: 0o700 })
  await rename(scratch, copy)
  return copy
}

function placesOf(code: Buffer, text: string): number[] {
  const places: number[] = []
  for (let at = code.indexOf(text); at !== -1; at = code.indexOf(text, at + 1)) places.push(at)
  return places
}
