import { timingSafeEqual } from 'node:crypto'
import PostalMime from 'postal-mime'
import { SMTPServer } from 'smtp-server'
import type { SMTPServerAuthentication, SMTPServerDataStream, SMTPServerSession } from 'smtp-server'
import { shown, tellsOf } from './received.ts'
import type { Received } from './received.ts'

export interface MailAccount {
  user: string
  password: string
  /** PEM. With it STARTTLS is offered, and nobody may log in without. */
  tls?: { key: string; cert: string }
}

export interface MailService {
  host: string
  port: number
  stop: () => Promise<void>
}

const mostBytes = 1024 * 1024

/** A mail server that wants a login, on a free port of this machine. Mail for several people is several deliveries. */
export async function startMailService(
  account: MailAccount,
  deliver: (received: Omit<Received, 'atMs'>) => void,
): Promise<MailService> {
  const server = new SMTPServer({
    name: 'vigil-drill',
    size: mostBytes,
    authMethods: ['PLAIN', 'LOGIN'],
    authOptional: false,
    allowInsecureAuth: account.tls === undefined,
    ...(account.tls === undefined ? { disabledCommands: ['STARTTLS'] } : account.tls),
    disableReverseLookup: true,
    closeTimeout: 1000,
    onAuth: (auth, _session, callback) => {
      const reason = loginFlaw(auth, account)
      if (reason === undefined) callback(null, { user: account.user })
      else {
        deliver(refused(535, reason))
        callback(Object.assign(new Error(reason), { responseCode: 535 }))
      }
    },
    onData: (stream, session, callback) => void takeMail(stream, session, deliver, callback),
  })
  // A client that went away is its own affair.
  server.on('error', () => undefined)
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', () => resolve()))
  const address = server.server.address()
  if (address === null || typeof address === 'string') throw new Error('a listening server has a port')
  return {
    host: '127.0.0.1',
    port: address.port,
    stop: async () => new Promise((resolve) => server.close(() => resolve())),
  }
}

function loginFlaw(auth: SMTPServerAuthentication, account: MailAccount): string | undefined {
  const right = auth.username === account.user && same(auth.password ?? '', account.password)
  return right ? undefined : '5.7.8 Authentication credentials invalid'
}

async function takeMail(
  stream: SMTPServerDataStream,
  session: SMTPServerSession,
  deliver: (received: Omit<Received, 'atMs'>) => void,
  done: (error?: Error | null) => void,
): Promise<void> {
  try {
    const flaw = await receive(stream, session, deliver)
    done(flaw === undefined ? null : Object.assign(new Error(flaw), { responseCode: 552 }))
  } catch (error) {
    done(error instanceof Error ? error : new Error(String(error)))
  }
}

async function receive(
  stream: SMTPServerDataStream,
  session: SMTPServerSession,
  deliver: (received: Omit<Received, 'atMs'>) => void,
): Promise<string | undefined> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) if (Buffer.isBuffer(chunk)) chunks.push(chunk)
  if (stream.sizeExceeded) {
    deliver(refused(552, '5.3.4 Message too big'))
    return '5.3.4 Message too big'
  }
  const mail = await PostalMime.parse(Buffer.concat(chunks))
  const title = shown(mail.subject ?? '', 300)
  const text = shown(
    [mail.subject, mail.text, mail.html].filter((part) => part !== undefined).join('\n'),
    50_000,
  )
  for (const { address } of session.envelope.rcptTo)
    deliver({
      via: 'email',
      address: shown(address, 200),
      tells: tellsOf(title),
      title,
      text,
      answer: { state: 'accepted' },
    })
  return undefined
}

function refused(status: number, reason: string): Omit<Received, 'atMs'> {
  return {
    via: 'email',
    address: '?',
    tells: 'firing',
    title: '',
    text: '',
    answer: { state: 'refused', status, reason },
  }
}

function same(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)]
  return left.length === right.length && timingSafeEqual(left, right)
}
