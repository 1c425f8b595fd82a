import { readFileSync } from 'node:fs'
import { link, mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { isRunning } from '../../runtime/processes/index.ts'

const identity = z.object({ pid: z.number().int().positive(), started: z.string() })

const stackState = z.object({
  schema: z.literal('vigil.stack/1'),
  /** The process that supervises the stack and ends it. */
  supervisor: identity,
  state: z.enum(['starting', 'up', 'ending']),
  components: z.array(
    z.object({
      name: z.string(),
      url: z.string(),
      process: identity.optional(),
      ended: z.string().optional(),
    }),
  ),
  targets: z.array(
    z.object({
      job: z.string(),
      url: z.string(),
      health: z.enum(['up', 'down', 'unknown']),
      error: z.string(),
    }),
  ),
})

/** A stack as other processes see it. */
export type StackState = z.infer<typeof stackState>

const fileIn = (folder: string): string => join(folder, 'state.json')

/** The state of the stack in a folder; undefined when there is none, or the file is something else. */
export function readState(folder: string): StackState | undefined {
  try {
    return stackState.parse(JSON.parse(readFileSync(fileIn(folder), 'utf8')))
  } catch {
    return undefined
  }
}

export async function writeState(folder: string, state: StackState): Promise<void> {
  const scratch = `${fileIn(folder)}.${state.supervisor.pid}`
  await writeFile(scratch, JSON.stringify(state), { mode: 0o600 })
  await rename(scratch, fileIn(folder))
}

export type ClaimResult = { state: 'ok'; before: StackState | undefined } | { state: 'busy'; by: StackState }

/**
 * Takes the folder for one stack: of two that start at the same time one wins. `before`: the state that a
 * crashed one left.
 */
export async function claim(folder: string, state: StackState): Promise<ClaimResult> {
  await mkdir(folder, { recursive: true })
  const before = readState(folder)
  if (before && isRunning(before.supervisor)) return { state: 'busy', by: before }
  await rm(fileIn(folder), { force: true })
  const scratch = `${fileIn(folder)}.${state.supervisor.pid}`
  await writeFile(scratch, JSON.stringify(state), { mode: 0o600 })
  try {
    // Unlike a rename it does not overwrite, and unlike an exclusive write the file is complete from the
    // start.
    await link(scratch, fileIn(folder))
    return { state: 'ok', before }
  } catch (error) {
    const other = readState(folder)
    if (other === undefined) throw error
    return { state: 'busy', by: other }
  } finally {
    await rm(scratch, { force: true })
  }
}

/** Removes the state of a stack, if it is that of this supervisor. */
export async function release(folder: string, supervisorPid: number): Promise<void> {
  const now = readState(folder)
  if (now === undefined || now.supervisor.pid === supervisorPid) await rm(fileIn(folder), { force: true })
}
