import { mkdtempSync, rmSync } from 'node:fs'
import os from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Bench, Section } from './workbench.ts'
import { accuracy, autocannon, k6, memory } from './sections/engines.ts'
import { api, start, gate } from './sections/commands.ts'
import { probes } from './sections/probes.ts'
import { scale } from './sections/history.ts'
import { uptime } from './sections/uptime.ts'
import { sharded } from './sections/shards.ts'

// `npm run bench`, `npm run bench -- k6 memory`, `npm run bench -- --rounds 7`. Figures are printed, and exit
// 1 only when a goal is missed.
// A history takes minutes to fill: it is measured only when it is named.
const usual: Section[] = [start, autocannon, k6, sharded, accuracy, memory, probes, gate, api]
const sections: Section[] = [...usual, ...scale, uptime]

const args = process.argv.slice(2)
const rounds = args.includes('--rounds') ? Number(args[args.indexOf('--rounds') + 1]) : 5
const names = args.filter((arg, index) => !arg.startsWith('--') && args[index - 1] !== '--rounds')
const unknown = names.find((name) => !sections.some((section) => section.name === name))
const say = (text: string): void => void process.stdout.write(`${text}\n`)

if (unknown !== undefined || !(rounds >= 1)) {
  process.stderr.write(
    'bench: ' +
      `${unknown === undefined ? '--rounds needs a number of at least 1' : `no section ${unknown}`}; ` +
      `there are: ${sections.map((section) => section.name).join(', ')}\n`,
  )
  process.exitCode = 2
} else {
  process.exitCode = await run(
    names.length === 0 ? usual : sections.filter((section) => names.includes(section.name)),
  )
}

async function run(chosen: readonly Section[]): Promise<number> {
  const folder = mkdtempSync(join(os.tmpdir(), 'vigil-bench-'))
  const bench: Bench = { rounds, root: fileURLToPath(new URL('..', import.meta.url)), folder, say }
  say(
    `${os.cpus()[0]?.model ?? 'unknown processor'}, ${os.availableParallelism()} cores, Node ` +
      `${process.versions.node}; medians (range), side by side in this run`,
  )
  let missed = 0
  try {
    for (const section of chosen) {
      say(`\n${section.name}: ${section.about}`)
      for (const { what, value, goal, met } of await section.run(bench)) {
        if (met === false) missed += 1
        say(`  ${what}: ${value}${goal === undefined ? '' : `   goal ${goal}: ${met ? 'met' : 'MISSED'}`}`)
      }
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
  return missed === 0 ? 0 : 1
}
