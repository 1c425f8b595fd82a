import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { startEmbeddedPostgres } from '../db/embedded/server.ts'
import { memory, slow, startup } from './single-service.ts'
import type { Bench } from './contenders.ts'
import { throughput, tracing } from './comparisons.ts'

/*
 * Measures the service's claims about speed and size: `node backend/bench/main.ts [section …] [--rounds 12]
 * [--seconds 2]`. Contenders are measured in turns, so that changes of the machine affect both. Needs wrk.
 */
const sections = [startup, throughput, tracing, slow, memory]
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: 'string', default: '12' }, seconds: { type: 'string', default: '2' } },
})
const unknown = positionals.find((name) => !sections.some((section) => section.name === name))
if (unknown === undefined) await measure()
else {
  process.stderr.write(
    `bench: section ${unknown} is unknown, expected ${sections.map(({ name }) => name).join(', ')}\n`,
  )
  process.exitCode = 2
}

async function measure(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'todo-bench-'))
  const postgres = await startEmbeddedPostgres(join(folder, 'postgres'), () => undefined)
  const bench: Bench = {
    rounds: Number(values.rounds),
    seconds: Number(values.seconds),
    databaseUrl: postgres.url,
    folder,
    print: (line) => print(`     ${line}`),
  }
  try {
    for (const section of sections.filter(
      ({ name }) => positionals.length === 0 || positionals.includes(name),
    )) {
      print(`${section.name}: ${section.about}`)
      for (const { what, value, goal, met } of await section.run(bench)) {
        print(`${met ? 'ok  ' : 'FAIL'} ${what}: ${value}, ${goal}`)
        if (!met) process.exitCode = 1
      }
    }
  } finally {
    await postgres.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}
