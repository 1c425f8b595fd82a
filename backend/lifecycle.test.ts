import { readFileSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFailed, onTestFinished, test } from 'vitest'
import { BackendProcess, eventually, startTestPostgres } from './testing/index.ts'
import type { Client, TestPostgres } from './testing/index.ts'

let folder: string
let postgres: TestPostgres
let databaseUrl: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'todo-lifecycle-'))
  postgres = await startTestPostgres()
  databaseUrl = await postgres.newDatabase()
})

afterAll(async () => {
  await postgres.close()
  await rm(folder, { recursive: true, force: true })
})

function start(env: Record<string, string>): BackendProcess {
  const backend = new BackendProcess(env, folder)
  onTestFailed(() => void process.stderr.write(backend.stderr))
  onTestFinished(() => backend.end())
  return backend
}

const embedded = (): BackendProcess => start({ EMBEDDED_POSTGRES_DIR: join(folder, 'postgres') })
const postmasterPid = async (): Promise<number> =>
  Number.parseInt(await readFile(join(folder, 'postgres', 'postmaster.pid'), 'utf8'), 10)

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    // A zombie has ended; its parent has not read its status yet.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

describe('starting', () => {
  test('with a wrong value ends with 2 and one line that names it', async () => {
    const backend = start({ PORT: 'http' })
    expect(await backend.exit()).toBe(2)
    expect(backend.stderr).toBe('todo-backend: PORT: found "http", expected a whole number from 0 to 65535\n')
  })

  test('on a port in use ends with 1 and one line that names it', async () => {
    const other = createServer().listen(0, '127.0.0.1')
    onTestFinished(() => void other.close())
    await new Promise((resolve) => other.once('listening', resolve))
    const address = other.address()
    const port = typeof address === 'object' ? String(address?.port) : ''
    const backend = start({ PORT: port, DATABASE_URL: databaseUrl })
    expect(await backend.exit()).toBe(1)
    expect(backend.stderr).toBe(`todo-backend: PORT: ${port} is in use, expected a free port\n`)
  })

  test('with a wrong password for the database ends with 1 and one line without it', async () => {
    const url = new URL(databaseUrl)
    url.password = 'hunter2'
    const backend = start({ DATABASE_URL: url.href })
    expect(await backend.exit()).toBe(1)
    expect(backend.stderr).toMatch(/^todo-backend: [^\n]*password authentication failed[^\n]*\n$/)
    expect(backend.stderr).not.toContain('hunter2')
  })

  test('two on one empty database: one migrates, both serve, and they share tokens', async () => {
    const url = await postgres.newDatabase()
    const [one, other] = await Promise.all(
      [start({ DATABASE_URL: url }), start({ DATABASE_URL: url })].map((backend) => backend.ready()),
    )
    const session = await one?.register()
    expect((await other?.as(session?.session.accessToken ?? '').get('/auth/me'))?.json).toMatchObject({
      email: session?.session.user.email,
    })
  })
})

test('two on one database lock an account out together, and neither lets it in again', async () => {
  const url = await postgres.newDatabase()
  const [one, other] = await Promise.all([
    start({ DATABASE_URL: url }).ready(),
    start({ DATABASE_URL: url }).ready(),
  ])
  const { session, password } = await one.register()
  const login = (client: Client, attempt: string) =>
    client.send('POST', '/auth/login', { email: session.user.email, password: attempt })
  const tried = []
  for (const client of [one, other, one, other, one])
    tried.push((await login(client, 'not the password')).status)
  expect(tried).toEqual([401, 401, 401, 401, 401])
  for (const client of [one, other]) expect((await login(client, password)).status).toBe(423)
})

describe('an embedded PostgreSQL', () => {
  test('keeps its data from one start to the next, and the next start takes no new one', async () => {
    const first = embedded()
    const { session, password } = await (await first.ready()).register()
    first.signal('SIGTERM')
    expect(await first.exit()).toBe(0)
    const second = embedded()
    expect(
      (await (await second.ready()).send('POST', '/auth/login', { email: session.user.email, password }))
        .status,
    ).toBe(200)
    second.signal('SIGTERM')
    expect(await second.exit()).toBe(0)
  })

  test('is gone within 5 s of a SIGKILL of the backend, and the next start works', async () => {
    const first = embedded()
    await first.ready()
    const pid = await postmasterPid()
    first.signal('SIGKILL')
    await eventually('PostgreSQL ended', 5000, () => !isAlive(pid))
    expect((await (await embedded().ready()).get('/health/ready')).status).toBe(200)
  })

  test('that a killed backend leaves for the moment does not stop the next start', async () => {
    const first = embedded()
    await first.ready()
    first.signal('SIGKILL')
    await first.exit()
    const second = embedded()
    await second.ready()
    expect(second.stderr).toBe('')
  })

  test('in use by another backend is one line', async () => {
    const first = embedded()
    await first.ready()
    const second = embedded()
    expect(await second.exit()).toBe(1)
    expect(second.stderr).toMatch(new RegExp(`^todo-backend: [^\n]*in use by another backend[^\n]*\n$`))
    expect((await (await first.client()).get('/health/ready')).status).toBe(200)
  })

  test('that is killed is started again, with what was acknowledged', async () => {
    const backend = embedded()
    const client = await backend.ready()
    const user = (await client.register()).client
    expect((await user.send('POST', '/tasks', { title: 'kept' })).status).toBe(201)
    const killed = await postmasterPid()
    process.kill(killed, 'SIGKILL')
    // Its processes live on for a moment, and so may readiness.
    await eventually(
      'it is another',
      15_000,
      async () => (await postmasterPid().catch(() => killed)) !== killed,
    )
    await eventually('tasks are read again', 15_000, async () => (await user.get('/tasks')).status === 200)
    expect((await user.get('/tasks')).json).toMatchObject({ items: [{ title: 'kept' }] })
    // The job queue may have been starting when PostgreSQL ended: then it tries again after a pause.
    await eventually('it is ready', 10_000, async () => (await client.get('/health/ready')).status === 200)
  })
})

describe('SIGTERM', () => {
  test('turns readiness to 503, finishes what is under way without a reset, and exits 0', async () => {
    const backend = start({ DATABASE_URL: databaseUrl })
    const client = await backend.ready()
    const user = (await client.register()).client
    let stopping = false
    let answered = 0
    const refused: string[] = []
    let ready = 200
    const callers = Array.from({ length: 8 }, async () => {
      for (let gone = false; !gone;) {
        try {
          const answer = await user.get('/tasks')
          if (answer.status === 200) answered += 1
          else refused.push(String(answer.status))
        } catch (error) {
          gone = stopping
          const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
          const code = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause)
          // The port is closed once the drain is over; anything else was cut off.
          if (code !== 'ECONNREFUSED') refused.push(code)
        }
      }
    })
    await eventually('load is running', 10_000, () => answered > 100)
    stopping = true
    backend.signal('SIGTERM')
    await eventually('readiness went down', 2000, async () => {
      ready = (await client.get('/health/ready')).status
      return ready === 503
    })
    expect(await backend.exit()).toBe(0)
    await Promise.all(callers)
    expect(refused).toEqual([])
  })

  test('at saturation resets nothing, and warns callers that connect for each request', async () => {
    const backend = start({ DATABASE_URL: databaseUrl })
    await backend.ready()
    const { port, hostname } = new URL(await backend.base())
    const failures: string[] = []
    let answers = 0
    let notices = 0
    const callers = Array.from({ length: 100 }, async () => {
      for (;;) {
        const answer = await requestOnce(Number(port), hostname)
        if (answer === 'ECONNREFUSED') return
        answers += 1
        if (!answer.startsWith('HTTP/1.1 200')) failures.push(answer)
        else if (/^connection: close/im.test(answer)) notices += 1
      }
    })
    await eventually('load is running', 10_000, () => answers > 500)
    backend.signal('SIGTERM')
    expect(await backend.exit()).toBe(0)
    await Promise.all(callers)
    expect(failures).toEqual([])
    expect(notices).toBeGreaterThan(100)
  })
})

/** Sends a request on its own connection, which may be kept. Returns the answer, or the code of the error. */
function requestOnce(port: number, hostname: string): Promise<string> {
  return new Promise((resolve) => {
    let received = ''
    const socket = connect(port, hostname, () => socket.write('GET /health HTTP/1.1\r\nHost: x\r\n\r\n'))
    socket.on('data', (chunk) => {
      received += chunk.toString()
      if (received.endsWith('}')) socket.destroy()
    })
    socket.on('error', (error) => {
      received = 'code' in error ? String(error.code) : String(error)
    })
    socket.on('close', () => resolve(received))
  })
}
