import os from 'node:os'
import { dirname } from 'node:path'
import { environmentOf } from '../../record/index.ts'
import type { Run } from '../../record/index.ts'
import { revisionOf } from './revision.ts'
import type { Session } from './session.ts'

/** The target of a session as records name it. */
export async function targetOf(session: Session): Promise<Run['target']> {
  const { revision } = session.loaded.config.target
  const url = session.targetUrl
  if (revision !== undefined) return { url, revision }
  return { url, ...(session.boots && (await revisionOf(dirname(session.loaded.file), session.world.env))) }
}

/** This machine as an environment of records; `engine` with its version. */
export function environmentHere(engine: string): Run['environment'] {
  return environmentOf({
    os: os.type(),
    kernel: os.release(),
    arch: os.arch(),
    cpuModel: os.cpus()[0]?.model ?? 'unknown',
    cores: os.availableParallelism(),
    memoryBytes: os.totalmem(),
    node: process.versions.node,
    engine,
  })
}
