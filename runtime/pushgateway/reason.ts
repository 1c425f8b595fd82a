import { plain, plainUrl } from '../../reports/wording/index.ts'

/** Why a push failed, in one line, with nothing secret in it: the URL without credentials, the error without the URL's. */
export function reasonOf(error: unknown, url: string): string {
  // Redacted before it is cut: half a secret would no longer be found.
  return `${plainUrl(url)}: ${plain(redacted(messageOf(error), url), 240)}`
}

// A refused connection to a name with several addresses comes as an AggregateError without a message of its own.
function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return error.errors.map(messageOf).join('; ')
  return error instanceof Error ? error.message : String(error)
}

function redacted(text: string, url: string): string {
  return secretsOf(url).reduce((rest, secret) => rest.replaceAll(secret, '***'), text)
}

/** Whatever of a URL may be secret, as it is written and as it is sent. */
function secretsOf(url: string): string[] {
  const parsed = URL.parse(url)
  if (!parsed) return [/\/\/(.*)@/s.exec(url)?.[1] ?? ''].filter((secret) => secret !== '')
  const { username, password, search } = parsed
  const pair = `${decoded(username)}:${decoded(password)}`
  const forms = [
    pair,
    Buffer.from(pair).toString('base64'),
    username,
    password,
    decoded(username),
    decoded(password),
    search.slice(1),
  ]
  return forms.filter((secret) => secret.length > 1).toSorted((a, b) => b.length - a.length)
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
