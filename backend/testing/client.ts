import { randomUUID } from 'node:crypto'
import { z } from 'zod'

export interface Answer {
  status: number
  headers: Headers
  /** The body; `undefined` when it is not JSON. */
  json: unknown
  text: string
}

const session = z.object({
  user: z.object({ id: z.string(), email: z.string() }),
  accessToken: z.string(),
  refreshToken: z.string(),
})

export type Session = z.infer<typeof session>

/** Sends requests to a service. */
export class Client {
  readonly #base: string
  readonly token: string | undefined

  constructor(base: string, token?: string) {
    this.#base = base
    this.token = token
  }

  /** Sends `body` as JSON, or as it is when it is a string. */
  async send(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answer> {
    const response = await fetch(this.#base + path, {
      method,
      headers: {
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...(this.token !== undefined && { authorization: `Bearer ${this.token}` }),
        ...headers,
      },
      ...(body !== undefined && {
        body: typeof body === 'string' || body instanceof Buffer ? body : JSON.stringify(body),
      }),
    })
    const text = await response.text()
    const isJson = text !== '' && (response.headers.get('content-type')?.includes('json') ?? false)
    return {
      status: response.status,
      headers: response.headers,
      text,
      json: isJson ? (JSON.parse(text) as unknown) : undefined,
    }
  }

  get(path: string, headers: Record<string, string> = {}): Promise<Answer> {
    return this.send('GET', path, undefined, headers)
  }

  /** A new account, logged in. */
  async register(): Promise<{ client: Client; session: Session; password: string }> {
    const password = 'correct horse battery staple'
    const answer = await this.send('POST', '/auth/register', {
      email: `${randomUUID()}@example.com`,
      password,
    })
    const opened = session.parse(answer.json)
    return { client: new Client(this.#base, opened.accessToken), session: opened, password }
  }

  as(token: string): Client {
    return new Client(this.#base, token)
  }
}

/** Parses the session in an answer of `/auth/*`. */
export function parseSession(answer: Answer): Session {
  return session.parse(answer.json)
}
