import { toOneLine, toPublicUrl } from '../../record/index.ts'

/**
 * Why a push failed, in one line without secrets: the URL without its credentials, the error without the
 * URL's secrets.
 */
export function explainPushFailure(error: unknown, url: string): string {
  // Redacted before it is cut: half a secret would not be found.
  return `${toPublicUrl(url)}: ${toOneLine(redact(messageOf(error), url), 240, '\uFFFD')}`
}

// `fetch` puts the reason into the cause; a refused connection to a name with several addresses is an
// AggregateError without a message of its own.
function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return error.errors.map(messageOf).join('; ')
  if (!(error instanceof Error)) return String(error)
  return error.cause === undefined ? error.message : messageOf(error.cause)
}

function redact(text: string, url: string): string {
  return findSecrets(url).reduce((rest, secret) => rest.replaceAll(secret, '***'), text)
}

/** Every part of a URL that may be secret, as it is written and as it is sent. */
function findSecrets(url: string): string[] {
  const parsed = URL.parse(url)
  if (!parsed) return [/\/\/(.*)@/s.exec(url)?.[1] ?? ''].filter((secret) => secret !== '')
  const { username, password, search } = parsed
  const pair = `${decodePercent(username)}:${decodePercent(password)}`
  const forms = [
    pair,
    Buffer.from(pair).toString('base64'),
    username,
    password,
    decodePercent(username),
    decodePercent(password),
    search.slice(1),
  ]
  return forms.filter((secret) => secret.length > 1).toSorted((a, b) => b.length - a.length)
}

/** Percent-decodes a part of a URL; one that is malformed stays as it is. */
export function decodePercent(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
