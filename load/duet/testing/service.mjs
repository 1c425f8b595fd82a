import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import { join } from 'node:path'

// A small service for tests: `fast` and `slow` answer after a few milliseconds, `slow` after SLOW_MS more.
// SPINS turns of a loop cost CPU time in each answer. It reports STATEMENTS as the number of its SQL
// statements, as a service with an N+1 query would. DEPENDENCY names a package of its working folder, whose
// function it calls in each answer.
const [slowMs, statements] = [Number(process.env.SLOW_MS ?? 0), process.env.STATEMENTS ?? '1']
const turns = Number(process.env.SPINS ?? 0)
let sum = 0
function spin() {
  // Kept a small integer: V8 allocates larger numbers, and the time of collecting them has no function.
  for (let turn = 0; turn < turns; turn += 1) sum = (sum + (turn % 7)) & 0xffff
}

const { DEPENDENCY: dependency } = process.env
const { work } =
  dependency === undefined
    ? { work: () => undefined }
    : createRequire(join(process.cwd(), 'package.json'))(dependency)

const server = createServer((request, response) => {
  request.resume()
  setTimeout(
    () => {
      spin()
      work()
      response.setHeader(
        'server-timing',
        `app;dur=0.5, db;dur=${statements}, sql;desc="${statements}", rows;desc="5"`,
      )
      response.end('{"answer":42}')
    },
    request.url?.startsWith('/slow') ? 4 + slowMs : 4,
  )
})
server.listen(Number(process.env.PORT), '127.0.0.1')
