import { randomBytes, randomUUID } from 'node:crypto'
import { chown, cp, mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { runProgram } from '../processes/index.ts'
import type { PostgresPrograms } from './programs.ts'

export interface ClusterPlan {
  /** The data folder; must not exist yet. */
  data: string
  programs: PostgresPrograms
  superuser: { name: string; password: string }
  /**
   * Statements to run before the server ever starts, in this order. A statement ends where a line is empty.
   */
  sql: readonly { database: string; text: string }[]
  /** Files that are put into the data folder, readable by their owner only. */
  secrets?: Readonly<Record<string, string>>
  signal?: AbortSignal | undefined
}

const timeoutMs = 60_000
const serverEnv = { PATH: process.env['PATH'], LC_ALL: 'C' }

/**
 * Creates a PostgreSQL cluster. It is created in another folder and renamed at the end, so that an
 * interrupted start leaves nothing that looks like a cluster. The server does not run for it: no client, no
 * port, no password in a command line.
 *
 * @returns why it could not be created; undefined when it was
 */
export async function createCluster(plan: ClusterPlan): Promise<string | undefined> {
  const { data, programs, superuser, sql, secrets = {} } = plan
  const scratch = `${data}.new-${randomUUID()}`
  const input = `${scratch}.input`
  try {
    await mkdir(dirname(data), { recursive: true })
    await rm(scratch, { recursive: true, force: true })
    await mkdir(scratch, { mode: 0o700 })
    await giveToServer(programs, scratch)
    await writeSecret(input, superuser.password)
    await giveToServer(programs, input)
    let problem = await run(initdbCommand(programs, scratch, superuser.name, input), plan.signal)
    for (const { database, text } of sql) {
      if (problem !== undefined) break
      await writeSecret(input, text)
      problem = await run(singleUserCommand(programs, scratch, database, input), plan.signal)
    }
    if (problem !== undefined) return problem
    for (const [name, text] of Object.entries(secrets)) await writeSecret(join(scratch, name), text)
    await rename(scratch, data)
    return undefined
  } finally {
    for (const path of [scratch, input]) await rm(path, { recursive: true, force: true })
  }
}

function initdbCommand(
  { initdb, prefix }: PostgresPrograms,
  data: string,
  superuser: string,
  passwordFile: string,
): string[] {
  return [
    ...prefix,
    initdb,
    '--pgdata',
    data,
    '--username',
    superuser,
    '--pwfile',
    passwordFile,
    '--auth',
    'scram-sha-256',
    '--encoding',
    'UTF8',
    '--locale',
    'C',
    '--no-sync',
    '--no-instructions',
  ]
}

/** With `-j` a statement ends where a line is empty. */
function singleUserCommand(
  { postgres, prefix }: PostgresPrograms,
  data: string,
  database: string,
  sqlFile: string,
): string[] {
  const server = [...prefix, postgres, '--single', '-j', '-D', data, database]
  return ['/bin/sh', '-c', 'exec "$@" < "$0"', sqlFile, ...server]
}

async function run(
  [program = '', ...args]: readonly string[],
  signal = new AbortController().signal,
): Promise<string | undefined> {
  const ran = await runProgram(program, args, { env: serverEnv, cwd: '/', timeoutMs, signal })
  if (ran.state === 'failed') return ran.reason
  // In single-user mode the program does not fail when a statement does.
  return /(?:ERROR|FATAL|PANIC): .{0,200}/.exec(ran.output.replaceAll(/\s+/g, ' '))?.[0]
}

/**
 * Copies a cluster that does not run to a data folder that does not exist yet. Returns why it could not, or
 * undefined.
 */
export async function copyCluster(
  from: string,
  to: string,
  { owner }: PostgresPrograms,
  signal: AbortSignal,
): Promise<string | undefined> {
  await mkdir(dirname(to), { recursive: true, mode: 0o711 })
  await cp(from, to, { recursive: true, preserveTimestamps: true })
  const commands = [
    ...(owner ? [['chown', '-R', `${owner.uid}:${owner.gid}`, to]] : []),
    // PostgreSQL refuses data that others can read.
    ['chmod', '0700', to],
  ]
  for (const command of commands) {
    const problem = await run(command, signal)
    if (problem !== undefined) return problem
  }
  return undefined
}

/** A password of letters, digits, - and _: nothing to quote in SQL or in a URL. */
export function createSecret(): string {
  return randomBytes(24).toString('base64url')
}

async function writeSecret(file: string, text: string): Promise<void> {
  await writeFile(file, `${text}\n`, { mode: 0o600 })
}

async function giveToServer({ owner }: PostgresPrograms, path: string): Promise<void> {
  if (owner !== undefined) await chown(path, owner.uid, owner.gid)
}
