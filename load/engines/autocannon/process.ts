import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { loadJourneys } from '../../../journeys/client/journeys-module.ts'
import { runLoad } from './load.ts'
import type { LoadEnd } from './load.ts'
import { messageLine } from './wire.ts'
import type { ProcessMessage, ProcessPlan } from './wire.ts'

// The load process. `node process.ts <plan.json>`; see wire.ts for what it says.

const planFile = process.argv[2] ?? ''
// Written by the engine a moment ago, for us alone.
const plan: ProcessPlan = JSON.parse(readFileSync(planFile, 'utf8'))
// What users saved may be tokens: not longer on the disk than needed.
rmSync(planFile)

const stop = new AbortController()
const onTerm = (): void => stop.abort()
process.on('SIGTERM', onTerm)
// Nobody listens any more: whoever ended us has also sent SIGTERM, or its guardian will.
process.stdout.on('error', () => stop.abort())

const say = (message: ProcessMessage): void => void process.stdout.write(messageLine(plan.nonce, message))

const loaded = await loadJourneys(plan.module)
const end: LoadEnd =
  loaded.state === 'usage-error'
    ? { state: 'usage-error', problem: loaded.reason }
    : await runLoad(plan, loaded.journeys, { say, stop: stop.signal, clock: Date.now })

if (end.state === 'usage-error') say({ say: 'usage-error', problem: end.problem })
if (end.state === 'measured') {
  writeFileSync(`${plan.resultFile}.part`, JSON.stringify({ nonce: plan.nonce, ...end.result }), {
    mode: 0o600,
  })
  renameSync(`${plan.resultFile}.part`, plan.resultFile)
}
// From here on SIGTERM ends it, whatever the journeys module may have left running.
process.off('SIGTERM', onTerm)
say({ say: 'done' })
