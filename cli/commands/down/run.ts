import { resolve } from 'node:path'
import { endStaleParts, endSupervisor, readState, release } from '../../../monitoring/stack/index.ts'
import { isRunning } from '../../../runtime/processes/index.ts'
import { exitCodes } from '../../exit-codes.ts'
import type { DownOptions } from './command.ts'
import { printJson } from '../../shared/world.ts'
import type { World } from '../../shared/world.ts'
import { stackFolder } from '../up/run.ts'

/** Longer than any part takes to end. */
const graceMs = 25_000

/** Ends the stack of `vigil up`: only processes that are known to be its own. */
export async function down(options: DownOptions, world: World): Promise<number> {
  const folder = stackFolder(resolve(world.cwd, options.out))
  const state = readState(folder)
  const running = state !== undefined && isRunning(state.supervisor)
  const how = running ? await endSupervisor(state.supervisor, graceMs) : 'ok'
  // The guardian of a killed supervisor does the same; if it was first, there is nothing left to end.
  const leftovers = state === undefined ? [] : await endStaleParts(state)
  if (state !== undefined && how !== 'failed') await release(folder, state.supervisor.pid)
  const lost =
    state?.components.flatMap(({ name, ended }) => (ended === undefined ? [] : [`${name} ${ended}`])) ?? []
  if (options.json)
    printJson(world, {
      schema: 'vigil.down/1',
      was: running ? 'up' : leftovers.length > 0 ? 'left over' : 'down',
      ended: state?.components.map(({ name }) => name) ?? [],
      lost,
    })
  else world.stdout(`${summary(running, leftovers)}\n`)
  for (const text of lost) world.stderr(`vigil: ${text} (before it was asked to end)\n`)
  if (how === 'failed') world.stderr(`vigil: process ${state?.supervisor.pid} does not end\n`)
  return how === 'failed' || lost.length > 0 ? exitCodes.invalid.code : exitCodes.pass.code
}

function summary(running: boolean, leftovers: readonly string[]): string {
  if (running) return 'the stack is down'
  return leftovers.length > 0 ? `ended the remains of a stack: ${leftovers.join(', ')}` : 'no stack is up'
}
