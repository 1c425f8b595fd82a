import { timingSafeEqual } from 'node:crypto'
import type { Email } from 'postal-mime'
import type { SMTPServer, SMTPServerAuthentication } from 'smtp-server'
import type { SMTPServerDataStream, SMTPServerSession } from 'smtp-server'
import { printable, rejected, statusFromTitle } from './delivery.ts'
import type { NewDelivery } from './delivery.ts'

export interface MailAccount {
  user: string
  password: string
  /** PEM. When set, the server offers STARTTLS and rejects logins without it. */
  tls?: { key: string; cert: string }
}

export interface MailService {
  host: string
  port: number
  stop: () => Promise<void>
}

/** The libraries that speak SMTP and read mail. */
export interface MailLibraries {
  SMTPServer: typeof SMTPServer
  parseMail: (content: Buffer) => Promise<Pick<Email, 'subject' | 'text' | 'html'>>
}

const maxMailBytes = 1024 * 1024
const tooBig = { status: 552, reason: '5.3.4 Message too big' }
const badCredentials = { status: 535, reason: '5.7.8 Authentication credentials invalid' }

/**
 * Starts a mail server that requires a login, on a free port. Mail to several recipients is several
 * deliveries.
 */
export async function startMailService(
  account: MailAccount,
  libraries: MailLibraries,
  deliver: (delivery: NewDelivery) => void,
): Promise<MailService> {
  const server = new libraries.SMTPServer({
    name: 'vigil-drill',
    size: maxMailBytes,
    authMethods: ['PLAIN', 'LOGIN'],
    authOptional: false,
    allowInsecureAuth: account.tls === undefined,
    ...(account.tls === undefined ? { disabledCommands: ['STARTTLS'] } : account.tls),
    disableReverseLookup: true,
    closeTimeout: 1000,
    onAuth: (auth, _session, callback) => {
      if (isAuthentic(auth, account)) {
        callback(null, { user: account.user })
        return
      }
      deliver(rejected('email', '?', '', badCredentials))
      callback(smtpError(badCredentials))
    },
    onData: (stream, session, callback) =>
      void reportEnd(receiveMail(stream, session, libraries, deliver), callback),
  })
  // A client that disconnects early is not a failure of the server.
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

function isAuthentic(auth: SMTPServerAuthentication, account: MailAccount): boolean {
  const [given, expected] = [Buffer.from(auth.password ?? ''), Buffer.from(account.password)]
  return (
    auth.username === account.user && given.length === expected.length && timingSafeEqual(given, expected)
  )
}

function smtpError({ status, reason }: { status: number; reason: string }): Error {
  return Object.assign(new Error(reason), { responseCode: status })
}

async function reportEnd(receiving: Promise<void>, done: (error: Error | null) => void): Promise<void> {
  try {
    await receiving
    done(null)
  } catch (error) {
    done(error instanceof Error ? error : new Error(String(error)))
  }
}

async function receiveMail(
  stream: SMTPServerDataStream,
  session: SMTPServerSession,
  { parseMail }: MailLibraries,
  deliver: (delivery: NewDelivery) => void,
): Promise<void> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) if (Buffer.isBuffer(chunk)) chunks.push(chunk)
  if (stream.sizeExceeded) {
    deliver(rejected('email', '?', '', tooBig))
    throw smtpError(tooBig)
  }
  const mail = await parseMail(Buffer.concat(chunks))
  const title = printable(mail.subject ?? '', 300)
  const text = printable(
    [mail.subject, mail.text, mail.html].filter((part) => part !== undefined).join('\n'),
    50_000,
  )
  for (const { address } of session.envelope.rcptTo)
    deliver({
      via: 'email',
      address: printable(address, 200),
      status: statusFromTitle(title),
      title,
      text,
      response: { state: 'ok' },
    })
}
