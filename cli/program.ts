import { dirname, join, relative } from 'node:path'
import { Command, CommanderError, Help } from 'commander'
import { describeMissingPackage } from '../record/index.ts'
import { addCommands, isCommand } from './commands.ts'
import type { Execute } from './commands.ts'
import { exitCodes } from './exit-codes.ts'
import { configNames, findConfigFile } from './shared/options.ts'
import { redactOutput } from './shared/redaction.ts'
import { diskProblem, UsageError, version } from './shared/world.ts'
import type { World } from './shared/world.ts'

/** Runs the command that the arguments name. Returns the exit code; prints a usage error as one line. */
export async function runProgram(typed: readonly string[], given: World): Promise<number> {
  const world = redactOutput(given, typed)
  let code: number = exitCodes.usageError.code
  const execute: Execute = async (command) => void (code = await command({ ...world, args: typed }))
  const args = replaceWordsByOptions(typed)
  const command = args.find((arg) => !arg.startsWith('-'))
  const program = createProgram(world, command)
  try {
    await addCommands(program, execute, (name) => name === command)
    program.hook('preAction', (_, action) => useFoundConfig(action, world.cwd))
    await program.parseAsync(args, { from: 'user' })
    return code
  } catch (error) {
    if (error instanceof CommanderError)
      return error.exitCode === 0 ? exitCodes.pass.code : exitCodes.usageError.code
    if (error instanceof UsageError) {
      world.stderr(`vigil: ${error.message}\n`)
      return exitCodes.usageError.code
    }
    const problem = diskProblem(error) ?? describeMissingPackage(error)
    world.stderr(problem === undefined ? internalErrorText(error, world.env) : `vigil: ${problem}\n`)
    return exitCodes.invalid.code
  }
}

/**
 * Without `--config`, a command uses the config of its folder or of one above, and results go next to it:
 * the same ones wherever in a project the command is typed.
 */
function useFoundConfig(command: Command, cwd: string): void {
  const found = findConfigFile(cwd)
  const isTyped = (name: string): boolean => command.getOptionValueSource(name) !== 'default'
  if (found === undefined || isTyped('config') || found === join(cwd, configNames[0] ?? '')) return
  command.setOptionValue('config', relative(cwd, found))
  if (!isTyped('out')) command.setOptionValue('out', relative(cwd, join(dirname(found), '.vigil')))
}

/** `vigil help`, `vigil help gate` and `vigil version`, as other tools have them. */
function replaceWordsByOptions(args: readonly string[]): string[] {
  const [first, second, ...rest] = args
  if (first === 'version') return ['--version']
  if (first !== 'help') return [...args]
  if (second === undefined) return ['--help']
  if (isCommand(second)) return [second, ...rest, '--help']
  return [second, ...rest]
}

/** The program without its commands. `typed` is the command that was typed. */
function createProgram({ stdout, stderr }: Pick<World, 'stdout' | 'stderr'>, typed = ''): Command {
  return (
    new Command('vigil')
      .description(
        'Shows a team, before and after a release, whether their HTTP service meets its performance targets.',
      )
      .version(version(), '--version')
      .helpCommand(false)
      .exitOverride()
      .configureOutput({
        writeOut: stdout,
        writeErr: stderr,
        outputError: (text, write) => write(toOneLine(text, isCommand(typed) ? `vigil ${typed}` : 'vigil')),
      })
      // Names alone: with arguments the left column is so wide that descriptions no longer wrap.
      .configureHelp({ subcommandTerm: (command) => command.name() })
      .addHelpText(
        'after',
        `\nExit codes:\n${exitCodeLines()}\n\n'vigil help <command>' shows a command's options and examples.`,
      )
  )
}

/** The command line for reading only: it prints and runs nothing. */
export async function describeCommands(): Promise<Command> {
  const program = createProgram({ stdout: () => undefined, stderr: () => undefined })
  await addCommands(
    program,
    async () => undefined,
    () => true,
  )
  return program
}

function exitCodeLines(): string {
  const help = new Help()
  const indent = ' '.repeat(7)
  return Object.values(exitCodes)
    .map(({ code, means }) => {
      const text = help.boxWrap(means, 80 - indent.length).replaceAll('\n', `\n${indent}`)
      return `  ${String(code).padEnd(4)} ${text}`
    })
    .join('\n')
}

function toOneLine(text: string, command: string): string {
  const line = text
    .trim()
    .replace(/^error: /, '')
    .replaceAll(/\s*\n\s*/g, ' ')
    // Commander quotes the value as well; our parsers say what was found and expected.
    .replace(/ argument '.*' is invalid\. found /, ': found ')
    .replace(/ argument '(.*)' is invalid\. expected (.*?)\.?$/, ": found '$1', expected $2")
    .replace(/^command-argument value '.*' is invalid for argument '(.*?)'\. found /, '$1: found ')
  return `vigil: ${line} (see '${command} --help')\n`
}

// A defect of vigil, not of the user's input. Its stack trace is printed only with VIGIL_DEBUG.
function internalErrorText(error: unknown, env: NodeJS.ProcessEnv): string {
  const debug = Boolean(env['VIGIL_DEBUG'])
  const detail =
    error instanceof Error
      ? debug
        ? error.stack
        : `${error.name}: ${error.message.split('\n')[0]}`
      : String(error)
  return `vigil: internal error: ${detail}${debug ? '' : ' (VIGIL_DEBUG=1 shows where; please report it)'}\n`
}
