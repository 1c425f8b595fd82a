import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { InvalidArgumentError, Option } from 'commander'
import type { Command } from 'commander'
import type { GateMode } from '../../config/index.ts'
import { findTargetUrlProblem } from '../../journeys/index.ts'

/** Options that most commands take. */
export interface CommonOptions {
  config: string
  target?: string
  out: string
  quiet?: boolean
  json?: boolean
}

/** Names that a config may have, the usual one first. */
export const configNames = ['ts', 'mts', 'mjs', 'js'].map((ending) => `vigil.config.${ending}`)

/** The config of a folder, or of the nearest folder above, up to the root of its git repository. */
export function findConfigFile(folder: string): string | undefined {
  const name = configNames.find((candidate) => existsSync(join(folder, candidate)))
  if (name !== undefined) return join(folder, name)
  const above = dirname(folder)
  return above === folder || existsSync(join(folder, '.git')) ? undefined : findConfigFile(above)
}

export function configOption(description = 'config file to read'): Option {
  return new Option('--config <file>', description).default('vigil.config.ts')
}

export function targetOption(description = 'test the service at this URL instead of starting one'): Option {
  return new Option('--target <url>', description).argParser(targetUrl)
}

export function outOption(description = 'folder for runs and reports'): Option {
  return new Option('--out <dir>', description).default('.vigil')
}

export function quietOption(description = 'print no progress, only warnings and errors'): Option {
  return new Option('--quiet', description)
}

export function jsonOption(description = 'print exactly one JSON document on stdout'): Option {
  return new Option('--json', description)
}

export function addCommonOptions(command: Command): Command {
  for (const option of [configOption(), targetOption(), outOption(), quietOption(), jsonOption()])
    command.addOption(option)
  return command
}

/** `load` and `capacity`: loads with one engine, whatever the config says. */
export function engineOption(): Option {
  return new Option('--engine <engine>', "load with this engine instead of the suite's").choices([
    'k6',
    'autocannon',
  ])
}

/** `load` and `gate`. */
export function durationOption(): Option {
  return new Option('--duration <seconds>', "override the suite's duration").argParser(
    positiveNumber('seconds', 86_400),
  )
}

/**
 * Defaults of `ab`, which `gate --base` uses as they are. `pairs` is `duetPairs.usual`, whose module is
 * slow to load.
 */
export const duetDefaults = { pairs: 24, maxMinutes: 5 } as const

/** `ab` and `compare`. */
export function marginOption(): Option {
  return new Option('--margin <percent>', 'slowdown to accept before it is a fail').argParser(
    positiveNumber('per cent', 1000),
  )
}

/** `ab` and `gate`. */
export function baseTipOption(): Option {
  return new Option('--base-tip', 'compare with the tip of a base branch, not with its merge base')
}

/** `ab` and `gate`. */
export function maxMinutesOption(description: string): Option {
  return new Option('--max-minutes <minutes>', description)
    .argParser(positiveNumber('minutes', 600))
    .default(duetDefaults.maxMinutes)
}

/** `ab` and `gate`. */
export function modeOption(): Option {
  return new Option(
    '--mode <mode>',
    "advisory: report everything, and exit 0 instead of 1 or 3 (default: gate's mode in the config)",
  ).choices(['enforce', 'advisory'] satisfies GateMode[])
}

/** `ab` and `compare`. */
export function strictOption(): Option {
  return new Option('--strict', 'fail only if the entire confidence interval is beyond the margin')
}

/** The examples at the end of a command's help. */
export function examplesText(lines: readonly string[]): string {
  return `\nExamples:\n${lines.map((line) => `  ${line}`).join('\n')}`
}

/** The URL of a service to test. */
export function targetUrl(text: string): string {
  const problem = findTargetUrlProblem(text)
  if (problem !== undefined) throw new InvalidArgumentError(`${problem}.`)
  return text
}

/** The URL of a monitoring tool, which may contain credentials. */
export function toolUrl(text: string): string {
  const url = URL.parse(text)
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return text
  throw new InvalidArgumentError(`found ${JSON.stringify(text)}, expected an http:// or https:// URL.`)
}

/** Parses a number above 0 and up to `max`. */
export function positiveNumber(unit: string, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (text.trim() !== '' && Number.isFinite(value) && value > 0 && value <= max) return value
    throw new InvalidArgumentError(
      `found ${JSON.stringify(text)}, expected ${unit} over 0 and at most ${max}.`,
    )
  }
}

/** Parses a whole number above 0 and up to `max`. */
export function positiveInteger(unit: string, max: number): (text: string) => number {
  const parse = positiveNumber(unit, max)
  return (text) => {
    const value = parse(text)
    if (Number.isInteger(value)) return value
    throw new InvalidArgumentError(`found ${JSON.stringify(text)}, expected a whole number: ${unit}.`)
  }
}
