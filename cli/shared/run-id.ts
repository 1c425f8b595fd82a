import { runId } from '../../record/index.ts'
import type { Session } from './session.ts'

/** An id for something that this session does now. */
export function newRunId({ world }: Session, name: string): string {
  return runId(world.now, world.random, name)
}
