import { createServer } from 'node:http'
import postgres from 'postgres'

/*
 * The reference for the service: node:http and postgres.js with one prepared query per request and the same
 * answer, without routing, tokens, limits, logs, metrics and validation.
 */
const connections = 10
const sql = postgres(process.env['DATABASE_URL'] ?? '', { max: connections })
const userId = process.env['BENCH_USER'] ?? ''

const server = createServer((request, response) => {
  const answer = request.method === 'POST' ? create(request) : runWhenFree(list)
  answer.then(
    (body) =>
      response
        .writeHead(request.method === 'POST' ? 201 : 200, { 'content-type': 'application/json' })
        .end(body),
    (error: unknown) => response.writeHead(500).end(String(error)),
  )
})

async function list(): Promise<string> {
  const rows = await sql`
    select id, title, description, status, priority, due_at as "dueAt", tags,
      created_at as "createdAt", updated_at as "updatedAt"
    from tasks where user_id = ${userId} order by created_at desc, id desc limit 21`
  const items = rows.slice(0, 20)
  const last = items.at(-1)
  const nextCursor =
    rows.length > 20 && last !== undefined
      ? Buffer.from(JSON.stringify(['-createdAt', last['createdAt'], last['id']])).toString('base64url')
      : null
  return JSON.stringify({ items, nextCursor })
}

async function create(request: AsyncIterable<Buffer>): Promise<string> {
  let text = ''
  for await (const chunk of request) text += chunk.toString()
  const { title } = JSON.parse(text) as { title: string }
  const [row] = await runWhenFree(
    () => sql`
    insert into tasks (id, user_id, title, status, priority, created_at, updated_at)
    values (gen_random_uuid(), ${userId}, ${title}, 'todo', 'medium', now(), now())
    returning id, title, description, status, priority, due_at as "dueAt", tags,
      created_at as "createdAt", updated_at as "updatedAt"`,
  )
  return JSON.stringify(row)
}

let running = 0
const waiting: (() => void)[] = []

/**
 * Runs at most as many queries as there are connections: the driver's list of busy connections only grows
 * while more wait (postgres 3.4.9, `queue.js`), so raw.ts would lose half its speed within a minute.
 */
async function runWhenFree<T>(query: () => PromiseLike<T>): Promise<T> {
  if (running < connections) running += 1
  else await new Promise<void>((admit) => waiting.push(admit))
  try {
    return await query()
  } finally {
    const next = waiting.shift()
    if (next === undefined) running -= 1
    else next()
  }
}

server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  process.stdout.write(
    `${JSON.stringify({ message: 'listening', port: typeof address === 'object' ? address?.port : 0 })}\n`,
  )
})
process.on('SIGTERM', () => void sql.end({ timeout: 1 }).then(() => process.exit(0)))
