import type { PostgresService } from '../../../runtime/postgres/index.ts'
import { startTodoDatabase } from '../../stack/index.ts'

/** A database that can be taken away and given back, at the same address with the same data. */
export interface Database {
  stop: () => Promise<void>
  start: () => Promise<void>
}

export type DatabaseStarted =
  | { state: 'ok'; database: Database; postgres: PostgresService }
  | { state: 'failed'; reason: string }

export async function startDatabase(options: {
  folder: string
  signal: AbortSignal
}): Promise<DatabaseStarted> {
  const started = await startTodoDatabase(options)
  if (started.state === 'failed') return started
  let running: PostgresService | undefined = started.service
  const { port } = started.service
  return {
    state: 'ok',
    postgres: started.service,
    database: {
      stop: async () => {
        await running?.stop()
        running = undefined
      },
      start: async () => {
        const again = await startTodoDatabase({ folder: options.folder, port })
        if (again.state === 'failed') throw new Error(`the database did not come back: ${again.reason}`)
        running = again.service
      },
    },
  }
}
