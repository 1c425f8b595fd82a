import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { loadJourneys } from '../../../journeys/client/index.ts'
import { runLoad } from './load.ts'
import type { LoadEnd } from './load.ts'
import { formatMessage } from './load.ts'
import { releaseSignal } from './release.ts'
import type { ProcessMessage, ProcessPlan } from './messages.ts'

// The load process: `node process.ts <plan.json>`. messages.ts defines what it prints.

const planFile = process.argv[2] ?? ''
// Written by the engine a moment ago, for this process alone.
const plan: ProcessPlan = JSON.parse(readFileSync(planFile, 'utf8'))
// What users saved may be tokens: keep them on the disk no longer than needed.
rmSync(planFile)

const stop = new AbortController()
const onTerm = (): void => stop.abort()
process.on('SIGTERM', onTerm)
// The engine is gone: it or its guardian sends SIGTERM too.
process.stdout.on('error', () => stop.abort())

const released = new Promise<void>((resolve) => process.once(releaseSignal, () => resolve()))

const send = (message: ProcessMessage): void => void process.stdout.write(formatMessage(plan.nonce, message))

const loaded = await loadJourneys(plan.module)
const end: LoadEnd =
  loaded.state === 'usage-error'
    ? { state: 'usage-error', problem: loaded.reason }
    : await runLoad(plan, loaded.journeys, {
        send,
        stop: stop.signal,
        clock: Date.now,
        env: process.env,
        released,
      })

if (end.state === 'usage-error') send({ say: 'usage-error', problem: end.problem })
if (end.state === 'ok') {
  writeFileSync(`${plan.resultFile}.part`, JSON.stringify({ nonce: plan.nonce, ...end.result }), {
    mode: 0o600,
  })
  renameSync(`${plan.resultFile}.part`, plan.resultFile)
}
// From here on SIGTERM ends the process, whatever the journeys module has left running.
process.off('SIGTERM', onTerm)
send({ say: 'done' })
