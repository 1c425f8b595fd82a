import { InvalidArgumentError, Option } from 'commander'
import type { Command } from 'commander'

/** Options that every command takes. */
export interface CommonOptions {
  config: string
  target?: string
  out: string
  quiet?: boolean
  json?: boolean
}

export function withCommonOptions(command: Command): Command {
  return command
    .option('--config <file>', 'the config to read', 'vigil.config.ts')
    .addOption(
      new Option(
        '--target <url>',
        'test the service that runs at this URL instead of starting one',
      ).argParser(httpUrl),
    )
    .option('--out <dir>', 'where runs and reports are kept', '.vigil')
    .option('--quiet', 'no progress and no messages but errors')
    .option('--json', 'exactly one JSON document on stdout')
}

/** An http:// or https:// URL without credentials. */
export function httpUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url && (url.username || url.password))
    throw new InvalidArgumentError(
      'expected a URL without a user and password: journeys send their credentials in headers.',
    )
  return toolUrl(text)
}

/** The URL of a tool of a deployment. */
export function toolUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return text
  throw new InvalidArgumentError(`found ${JSON.stringify(text)}, expected an http:// or https:// URL.`)
}

/** A number over 0, and not over `most`. */
export function positiveNumber(what: string, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (text.trim() !== '' && Number.isFinite(value) && value > 0 && value <= most) return value
    throw new InvalidArgumentError(
      `found ${JSON.stringify(text)}, expected ${what} over 0 and at most ${most}.`,
    )
  }
}

/** A whole number over 0, and not over `most`. */
export function positiveInteger(what: string, most: number): (text: string) => number {
  const parse = positiveNumber(what, most)
  return (text) => {
    const value = parse(text)
    if (Number.isInteger(value)) return value
    throw new InvalidArgumentError(`found ${JSON.stringify(text)}, expected a whole number: ${what}.`)
  }
}

/** A variable of the environment and two or more values: `DATABASE_POOL=2,5,10`. */
export function variation(text: string): { variable: string; values: string[] } {
  const [, variable, list] = /^([A-Za-z_][A-Za-z0-9_]*)=(.+)$/.exec(text) ?? []
  const values = (list ?? '').split(',').filter((value) => value !== '')
  if (variable !== undefined && values.length >= 2 && new Set(values).size === values.length)
    return { variable, values }
  throw new InvalidArgumentError(
    `found ${JSON.stringify(text)}, expected a variable and two or more values, smallest first: DATABASE_POOL=2,5,10.`,
  )
}
