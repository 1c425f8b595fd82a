import { enableCompileCache } from 'node:module'
import { ConfigError, readConfig } from './config/config.ts'
import type { Service } from './service.ts'

/** The service promises to stop within 10 s. */
const hardStopMs = 9500

await main()

async function main(): Promise<void> {
  let service: Service
  try {
    const config = readConfig(process.env)
    // Load the rest after the environment is known to be valid. Compiled code is cached between starts.
    enableCompileCache()
    const { startService } = await import('./service.ts')
    service = await startService(config)
  } catch (error) {
    return exit(error instanceof ConfigError ? 2 : 1, toMessage(error))
  }
  let stopping = false
  const stop = (code: number): void => {
    if (stopping) return
    stopping = true
    setTimeout(() => exit(1, 'the service did not stop in time'), hardStopMs).unref()
    service.stop().then(
      () => exit(code),
      (error: unknown) => exit(1, toMessage(error)),
    )
  }
  process.on('SIGTERM', () => stop(0))
  process.on('SIGINT', () => stop(0))
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
    process.on(event, (error: unknown) => {
      service.report(error)
      print(toMessage(error))
      stop(1)
    })
  }
  service.ready.catch((error: unknown) => {
    if (stopping) return
    print(toMessage(error))
    stop(1)
  })
}

function toMessage(error: unknown): string {
  if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE' && 'port' in error)
    return `PORT: ${String(error.port)} is in use, expected a free port`
  const message = error instanceof Error ? error.message : String(error)
  return message.replaceAll(/\s+/g, ' ')
}

function print(message: string): void {
  process.stderr.write(`todo-backend: ${message}\n`)
}

function exit(code: number, message?: string): void {
  if (message !== undefined) print(message)
  // The only place that exits: open handles must not keep a stopped service alive.
  // oxlint-disable-next-line no-process-exit
  process.exit(code)
}
