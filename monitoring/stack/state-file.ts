import { readFileSync } from 'node:fs'
import { link, mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { isRunning } from '../../runtime/processes/index.ts'

const identity = z.object({ pid: z.number().int().positive(), started: z.string() })

const stackState = z.object({
  schema: z.literal('vigil.stack/1'),
  /** The process that watches over the stack and ends it. */
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

/** What is known of a stack outside its own process. */
export type StackState = z.infer<typeof stackState>

const fileIn = (folder: string): string => join(folder, 'state.json')

/** The state of the stack in a folder; undefined when there is none, or what is there is none. */
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

export type Claim = { state: 'claimed'; before: StackState | undefined } | { state: 'taken'; by: StackState }

/** Takes the folder for one stack: of two that start at once one wins. `before`: what one that crashed has left written. */
export async function claim(folder: string, state: StackState): Promise<Claim> {
  await mkdir(folder, { recursive: true })
  const before = readState(folder)
  if (before && isRunning(before.supervisor)) return { state: 'taken', by: before }
  await rm(fileIn(folder), { force: true })
  const scratch = `${fileIn(folder)}.${state.supervisor.pid}`
  await writeFile(scratch, JSON.stringify(state), { mode: 0o600 })
  try {
    // Unlike a rename it does not overwrite, and unlike an exclusive write it is whole at once.
    await link(scratch, fileIn(folder))
    return { state: 'claimed', before }
  } catch (error) {
    const other = readState(folder)
    if (other === undefined) throw error
    return { state: 'taken', by: other }
  } finally {
    await rm(scratch, { force: true })
  }
}

/** Forgets the stack, if it is that of this supervisor. */
export async function release(folder: string, supervisorPid: number): Promise<void> {
  const now = readState(folder)
  if (now === undefined || now.supervisor.pid === supervisorPid) await rm(fileIn(folder), { force: true })
}
