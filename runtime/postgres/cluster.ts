import { randomBytes } from 'node:crypto'
import { chown, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { startChild } from '../processes/index.ts'
import type { PostgresPrograms } from './programs.ts'

export type Cluster =
  | { state: 'ready'; data: string; password: string; monitorPasswordFile: string }
  | { state: 'failed'; reason: string }

const files = { data: 'data', password: 'todo.password', monitor: 'monitor.password' } as const

/**
 * The data folder and its passwords, made when absent. It is made beside and renamed last, so a start that was cut short
 * leaves nothing that looks like a cluster. The passwords are files that only the owner reads.
 */
export async function ensureCluster(folder: string, programs: PostgresPrograms): Promise<Cluster> {
  const data = join(folder, files.data)
  const known = await readPassword(join(data, files.password))
  if (known === undefined) {
    const reason = await make(data, programs)
    if (reason !== undefined) return { state: 'failed', reason }
  }
  const password = known ?? (await readPassword(join(data, files.password)))
  if (password === undefined)
    return { state: 'failed', reason: `${join(data, files.password)}: absent after the cluster was made` }
  return { state: 'ready', data, password, monitorPasswordFile: join(data, files.monitor) }
}

async function readPassword(file: string): Promise<string | undefined> {
  try {
    return (await readFile(file, 'utf8')).trim()
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}

/** Why it could not be made, or undefined. */
async function make(data: string, programs: PostgresPrograms): Promise<string | undefined> {
  const making = `${data}.new-${process.pid}`
  const given = `${making}.given`
  const passwords = { superuser: secret(), todo: secret(), monitor: secret() }
  try {
    await rm(making, { recursive: true, force: true })
    await mkdir(making, { mode: 0o700 })
    await give(programs, making)
    await writeSecret(given, passwords.superuser)
    await give(programs, given)
    const initdb = [
      programs.initdb,
      '--pgdata',
      making,
      '--username',
      'postgres',
      '--pwfile',
      given,
      '--auth',
      'scram-sha-256',
      '--encoding',
      'UTF8',
      '--locale',
      'C',
      '--no-sync',
      '--no-instructions',
    ]
    const reason =
      (await run([...programs.as, ...initdb])) ??
      (await runSql(programs, making, given, 'postgres', rolesSql(passwords))) ??
      (await runSql(programs, making, given, 'todo', databaseSql))
    if (reason !== undefined) return reason
    await writeSecret(join(making, files.password), passwords.todo)
    await writeSecret(join(making, files.monitor), passwords.monitor)
    await rename(making, data)
    return undefined
  } finally {
    for (const path of [making, given]) await rm(path, { recursive: true, force: true })
  }
}

/** Before the server runs: without a client, without a port, and without a password on a command line. */
async function runSql(
  programs: PostgresPrograms,
  data: string,
  file: string,
  database: string,
  sql: string,
): Promise<string | undefined> {
  await writeSecret(file, sql)
  // With -j a statement ends where a line is empty.
  return run([
    '/bin/sh',
    '-c',
    'exec "$@" < "$0"',
    file,
    ...programs.as,
    programs.postgres,
    '--single',
    '-j',
    '-D',
    data,
    database,
  ])
}

async function run(command: readonly string[]): Promise<string | undefined> {
  const [program = '', ...args] = command
  const child = startChild(program, args, { cwd: '/', env: { PATH: process.env['PATH'], LC_ALL: 'C' } })
  const timer = setTimeout(() => void child.stop(1000), limitMs)
  const end = await child.ended
  clearTimeout(timer)
  // In single-user mode an error of a statement does not make it fail.
  const said = `${child.tail('stdout')}\n${child.tail('stderr')}`.replaceAll(/\s+/g, ' ')
  const flaw = /(?:ERROR|FATAL|PANIC): .{0,200}/.exec(said)?.[0]
  if (end.state === 'exited' && end.code === 0 && flaw === undefined) return undefined
  return `its data could not be made: ${flaw ?? (said.trim().slice(-200) || end.state)}`
}

const limitMs = 60_000

function rolesSql({ todo, monitor }: { todo: string; monitor: string }): string {
  return [
    `CREATE ROLE todo LOGIN PASSWORD '${todo}';`,
    'CREATE DATABASE todo OWNER todo;',
    // May see statistics and settings, no rows.
    `CREATE ROLE monitor LOGIN PASSWORD '${monitor}' IN ROLE pg_monitor CONNECTION LIMIT 5;`,
    '',
  ].join('\n\n')
}

const databaseSql = 'CREATE EXTENSION pg_stat_statements;\n\n'

/** Letters, digits, - and _: nothing to quote in SQL or in a URL. */
function secret(): string {
  return randomBytes(24).toString('base64url')
}

async function writeSecret(file: string, text: string): Promise<void> {
  await writeFile(file, `${text}\n`, { mode: 0o600 })
}

async function give({ owner }: PostgresPrograms, path: string): Promise<void> {
  if (owner !== undefined) await chown(path, owner.uid, owner.gid)
}
