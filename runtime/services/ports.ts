import { createServer } from 'node:net'

const loopback = '127.0.0.1'

/** A port of the loopback address that was free a moment ago; somebody may take it before it is used. */
export async function freePort(): Promise<number> {
  const port = await tryPort(0)
  if (port === undefined) throw new Error('no port is free on 127.0.0.1')
  return port
}

/** Whether nobody listens on the port of the loopback address, or of every address. */
export async function isFree(port: number): Promise<boolean> {
  return (await tryPort(port)) !== undefined
}

async function tryPort(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(undefined))
    server.listen({ port, host: loopback, exclusive: true }, () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : undefined))
    })
  })
}
