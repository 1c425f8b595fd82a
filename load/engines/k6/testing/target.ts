import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'vitest'

/** A target in this process, and the requests that it received. */
export interface Target {
  url: string
  /** Method and path of every request, in order. */
  seen: string[]
  /** Closes every connection and stops listening, as if it had been killed. */
  kill: () => void
}

export async function startTarget(
  { onTestFinished }: Pick<TestContext, 'onTestFinished'>,
  answer: (request: IncomingMessage, response: ServerResponse, index: number) => void,
): Promise<Target> {
  const seen: string[] = []
  const server = createServer((request, response) => {
    seen.push(`${request.method} ${request.url}`)
    request.resume()
    answer(request, response, seen.length)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const kill = (): void => {
    server.close()
    server.closeAllConnections()
  }
  onTestFinished(kill)
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen, kill }
}
