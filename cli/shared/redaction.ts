import { createRedactor, createValueRedactor, findSecrets } from '../../journeys/index.ts'
import type { Redact } from '../../journeys/index.ts'

/** Removes secrets from what a command prints and from the documents that it keeps. */
export interface Redaction {
  /** Adds values to remove from now on. */
  add: (values: readonly string[]) => void
  /** A document, as a record or a report of probes: removes secrets from all of its texts. */
  document: <T>(document: T) => T
  /** Text of results and of messages. */
  output: Redact
  messages: Redact
}

/**
 * Creates the redaction of a process: it knows the environment's variables whose names say that they are
 * secrets, and the passwords of URLs on the command line.
 */
export function createRedaction(env: NodeJS.ProcessEnv, args: readonly string[]): Redaction {
  const values = new Set([...findSecrets(env), ...args.flatMap(findPasswords)])
  let redactors = toRedactors([...values])
  return {
    add: (more) => {
      const before = values.size
      for (const value of more) values.add(value)
      if (values.size > before) redactors = toRedactors([...values])
    },
    document: (document) => redactTexts(document, redactors.texts, redactors.keys),
    output: (text) => redactors.output(text),
    messages: (text) => redactors.messages(text),
  }
}

function toRedactors(values: readonly string[]): Record<'texts' | 'keys' | 'output' | 'messages', Redact> {
  return {
    texts: createRedactor(values),
    // A key is a name that other documents refer to: nothing is guessed of it.
    keys: (key) => values.reduce((redacted, value) => redacted.replaceAll(value, '[redacted]'), key),
    // What is printed may be JSON, whose numbers and words must stay.
    output: createValueRedactor(values.filter((value) => !/^(?:[\d.eE+-]+|true|false|null)$/.test(value))),
    messages: createValueRedactor(values),
  }
}

/** User and password of a URL: everything up to its last `@`, since a password may hold anything. */
function findPasswords(arg: string): string[] {
  const login = /^(?:--[\w-]+=)?[a-z][a-z0-9+.-]*:\/\/(.*)@/is.exec(arg)?.[1]
  if (login === undefined) return []
  const password = login.replace(/^[^:]*:/, '')
  return [login, password, decode(login), decode(password)].filter((part) => part.length >= minPasswordLength)
}

/** A shorter one would be removed from words; with its user name it is removed all the same. */
const minPasswordLength = 3

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** Copies a value of JSON with each of its texts replaced. */
function redactTexts<T>(value: T, redact: Redact, redactKey: Redact): T
function redactTexts(value: unknown, redact: Redact, redactKey: Redact): unknown {
  if (typeof value === 'string') return redact(value)
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map((item: unknown) => redactTexts(item, redact, redactKey))
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [redactKey(key), redactTexts(inner, redact, redactKey)]),
  )
}

interface Output {
  env: NodeJS.ProcessEnv
  stdout: (text: string) => void
  stderr: (text: string) => void
}

/** The world of a command with its output redacted. */
export function redactOutput<World extends Output>(
  world: World,
  args: readonly string[],
): World & { redaction: Redaction } {
  const redaction = createRedaction(world.env, args)
  return {
    ...world,
    redaction,
    stdout: (text) => world.stdout(redaction.output(text)),
    stderr: (text) => world.stderr(redaction.messages(text)),
  }
}
