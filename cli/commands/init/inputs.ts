import { createRequire } from 'node:module'
import { join } from 'node:path'
import { sendRequest } from '../../../journeys/client/index.ts'
import type { Secrets } from '../../../journeys/index.ts'
import { UsageError } from '../../shared/world.ts'
import type { World } from '../../shared/world.ts'
import type { InitOptions } from './command.ts'
import { commonPorts, findServices } from './find.ts'
import { readRecording } from './har.ts'
import { readNamed } from './journeys.ts'
import type { Source } from './journeys.ts'
import { parseStructured } from './openapi.ts'

/** The document or recording that the options name. */
export async function readSource(options: InitOptions, world: World): Promise<Source> {
  if (options.openapi !== undefined && options.har !== undefined)
    throw new UsageError('--openapi and --har: expected one of them, got both')
  const base = { basePath: '', resources: options.resource }
  if (options.har !== undefined) {
    const text = await readNamed(world.cwd, options.har, '--har')
    return { ...base, recording: { recording: readRecording(text, options.har), name: options.har } }
  }
  if (options.openapi === undefined) return base
  const { openapi } = options
  const text = /^https?:/.test(openapi)
    ? await download(openapi, world)
    : await readNamed(world.cwd, openapi, '--openapi')
  return { ...base, document: { value: parseStructured(text, openapi), name: openapi } }
}

async function download(url: string, world: World): Promise<string> {
  const { origin, pathname, search } = new URL(url)
  const request = { method: 'GET', path: `${pathname}${search}`, headers: {}, body: undefined }
  const limits = { timeoutMs: 30_000, maxBodyBytes: 32 * 2 ** 20, purpose: 'init', signal: world.interrupted }
  const sent = await sendRequest(origin, request, limits)
  if (sent.state === 'failed') throw new UsageError(`--openapi ${url}: cannot be read: ${sent.message}`)
  const { status, text } = sent.response
  if (status !== 200) throw new UsageError(`--openapi ${url}: expected status 200, got ${status}`)
  return text
}

/** Words of a command line; one that needs a shell gets one. */
export function toCommand(line: string): string[] {
  const words = line.trim().split(/\s+/)
  if (words[0] === '') throw new UsageError('--command: expected a program and its arguments, got nothing')
  return /["'$`|&;<>()*?~\\=]/.test(line) ? ['sh', '-c', line] : words
}

/** The URL of the service on a common port of this machine; of several, the one that the user chooses. */
export async function chooseService(
  command: string[] | undefined,
  { interrupted, ask }: World,
): Promise<string> {
  const advice = "name its URL: 'vigil init http://127.0.0.1:PORT'"
  if (command !== undefined)
    throw new UsageError(`--command: expected the URL of the service, too: ${advice}`)
  const found = await findServices(commonPorts, interrupted)
  const [first, ...others] = found
  if (first === undefined)
    throw new UsageError(
      `no service answers on ports ${commonPorts.join(', ')} of this machine: start it, or ${advice}`,
    )
  if (others.length === 0) return first
  const list = found.join(', ')
  if (ask === undefined) throw new UsageError(`several services answer (${list}): ${advice}`)
  const answer = (await ask(`Several services answer (${list}). Which one? `)).trim()
  const chosen = found.find((url) => url === answer || url.endsWith(`:${answer}`))
  if (chosen === undefined)
    throw new UsageError(`expected one of ${list}, got ${JSON.stringify(answer.slice(0, 80))}`)
  return chosen
}

const minTokenLength = 4

/** The secret that --token names, by its variable. */
export function readToken(name: string | undefined, { env }: World): Secrets {
  if (name === undefined) return {}
  const value = env[name]
  if (value === undefined || value.length < minTokenLength)
    throw new UsageError(`--token ${name}: expected a token in the environment variable ${name}, got nothing`)
  return { [name]: value }
}

/** Whether the project has installed vigil, so that its files can import types. */
export function hasPackage(cwd: string): boolean {
  try {
    createRequire(join(cwd, 'package.json')).resolve('vigil-gate')
    return true
  } catch {
    return false
  }
}
