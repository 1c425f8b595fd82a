import { InvalidArgumentError } from 'commander'

/** The URL of a tool of a deployment. */
export function toolUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return text
  throw new InvalidArgumentError(`found ${JSON.stringify(text)}, expected an http:// or https:// URL.`)
}
