import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { exitCodes } from './exit-codes.ts'
import { describeCommands, runProgram } from './program.ts'
import { workplace } from './testing/vigil.ts'
import { runInWorld } from './testing/world.ts'

const place = workplace()
afterAll(place.remove)
place.configure({
  target: { url: 'http://127.0.0.1:9' },
  probes: { home: { journey: 'home' } },
  suites: {
    browse: { engine: 'k6', journeys: { home: 1 }, load: { ratePerSecond: 10 }, durationSeconds: 5 },
  },
})

describe('what the user got wrong is one line on stderr, nothing on stdout, exit 2', () => {
  place.write('enum.ts', 'enum A { B }\nexport default A\n')
  it.each([
    ['an unknown command', ['gaet'], "unknown command 'gaet' (Did you mean gate?)"],
    [
      'an unknown option',
      ['gate', '--targte', 'http://x'],
      "unknown option '--targte' (Did you mean --target?)",
    ],
    ['a URL that is none', ['gate', '--target', 'localhost'], 'expected an http:// or https:// URL'],
    ['a target with a query', ['gate', '--target', 'http://h/?a=1'], 'a URL without a query or fragment'],
    [
      'a target with a fragment',
      ['probe', '--target', 'http://h/#/app'],
      'a URL without a query or fragment',
    ],
    ['a side with a query', ['ab', 'http://h/a?', 'http://h/b'], 'a URL without a query or fragment'],
    ['an engine that is none', ['gate', '--engine', 'jmeter'], 'Allowed choices are k6, autocannon, both'],
    ['a negative rate', ['load', '--rate', '-5'], 'expected journeys per second over 0'],
    ['a duration that is no number', ['load', '--duration', 'long'], 'expected seconds over 0'],
    ['one argument too many', ['load', 'browse', 'again'], 'too many arguments'],
    ['an option without its value', ['gate', '--duration'], 'argument missing'],
    ['an unknown suite', ['load', 'brwose'], 'suite "brwose" is not in the config (did you mean browse?)'],
    ['an unknown probe', ['probe', 'hoem'], 'probe "hoem" is not in the config (did you mean home?)'],
    ['a config that is not there', ['gate', '--config', 'nowhere.ts'], 'nowhere.ts: file not found'],
    ['TypeScript that Node cannot strip', ['gate', '--config', 'enum.ts'], 'enum.ts:1: '],
    ['a metric that is none', ['history', '--metric', 'p95'], '--metric: found "p95", expected one of'],
    ['a comparison of nothing', ['compare', '--candidate', 'a.json'], '--baseline: found none'],
    ['a run that is not there', ['report', 'no-such-run'], 'no-such-run/record.json: not there'],
    [
      'a report before the first run',
      ['report'],
      "no run there yet: make one with 'vigil load' or 'vigil gate'",
    ],
    [
      'a gate without a suite for the engine',
      ['gate', '--engine', 'autocannon'],
      "--engine autocannon: none of the gate's suites (browse) is loaded by it",
    ],
  ])('%s', async (_, args, says) => {
    const { code, stdout, stderr } = await place.vigil(args)
    expect(stderr).toContain(says)
    expect(stderr.trim().split('\n')).toHaveLength(1)
    expect(stderr).toMatch(/^vigil: /)
    expect(stdout).toBe('')
    expect(code).toBe(2)
  })
})

it('a secret that is not set is named, exit 2, in every command that uses the target', async () => {
  const config = place.write(
    'secret.ts',
    `import config from './vigil.config.mjs'\nexport default { ...config, secrets: ['NO_SUCH_SECRET'] }\n`,
  )
  for (const command of [['gate'], ['load'], ['probe'], ['ab', 'http://a', 'http://b'], ['capacity']]) {
    const { code, stderr } = await place.vigil([...command, '--config', config])
    expect(stderr).toContain('NO_SUCH_SECRET: expected at least 4 characters in the environment variable')
    expect([command, code]).toEqual([command, 2])
  }
  expect((await place.vigil(['report', '--config', config])).stderr).not.toContain('NO_SUCH_SECRET')
})

describe('help', async () => {
  const { commands } = await describeCommands()
  const columns = 80

  it('lists each command on one line, and the exit codes', async () => {
    const { code, stdout, stderr } = await place.vigil(['--help'])
    expect(code).toBe(0)
    expect(stderr).toBe('')
    const groups = [...stdout.matchAll(/^(Check|Look back|Watch|Set up):\n((?: {2}\w+ {2,}\S.*\n)+)/gm)]
    expect(groups.map(([, heading]) => heading)).toEqual(['Check', 'Look back', 'Watch', 'Set up'])
    const listed = groups.flatMap(([, , lines = '']) => lines.match(/^ {2}\w+/gm) ?? [])
    expect(listed.map((name) => name.trim()).toSorted()).toEqual(commands.map((one) => one.name()).toSorted())
    for (const { code: number, means } of Object.values(exitCodes))
      expect(stdout.replaceAll(/\s+/g, ' ')).toContain(` ${number} ${means}`)
    expect(stdout.split('\n').filter((line) => line.length > columns)).toEqual([])
  })

  it.each(commands.map((command) => [command.name(), command] as const))(
    'of %s shows examples, and no line is wider than a terminal',
    (name, command) => {
      let text = ''
      command.configureOutput({ writeOut: (part) => (text += part), getOutHelpWidth: () => columns })
      command.outputHelp()
      expect(text).toContain(`Examples:\n  vigil ${name}`)
      expect(text.split('\n').filter((line) => line.length > columns)).toEqual([])
    },
  )

  it.each([[['gate', '--help']], [['help', 'gate']]])(
    'of a command is printed to stdout: %j',
    async (args) => {
      const { code, stdout, stderr } = await place.start(args).ran
      expect([code, stderr]).toEqual([0, ''])
      expect(stdout).toContain('Usage: vigil gate')
    },
  )

  it("'vigil help' prints the same as 'vigil --help', and of an unknown command nothing", async () => {
    const [words, option] = await Promise.all([place.start(['help']).ran, place.start(['--help']).ran])
    expect([words.code, words.stdout]).toEqual([0, option.stdout])
    const unknown = await place.start(['help', 'gaet']).ran
    expect([unknown.code, unknown.stdout]).toEqual([2, ''])
    expect(unknown.stderr).toBe("vigil: unknown command 'gaet' (Did you mean gate?) (see 'vigil --help')\n")
  })

  it('a usage error points to the help of its command, and names the value once', async () => {
    const { stderr } = await place.vigil(['load', '--rate', 'foo'])
    expect(stderr).toBe(
      'vigil: option \'--rate <perSecond>\': found "foo", expected journeys per second over 0 and at most ' +
        "100000. (see 'vigil load --help')\n",
    )
  })

  it('is shown, as an error, when no command is given', async () => {
    const { code, stdout, stderr } = await place.start([]).ran
    expect([code, stdout]).toEqual([2, ''])
    expect(stderr).toContain('Usage: vigil')
  })
})

it.each([['--version'], ['version']])('%s prints the version of the package', async (word) => {
  const { code, stdout } = await place.start([word]).ran
  expect(code).toBe(0)
  expect(stdout.trim()).toMatch(/^\d+\.\d+\.\d+$/)
})

describe('without --config', () => {
  const inner = join(place.folder, 'packages/api')
  mkdirSync(inner, { recursive: true })
  const probe = async (cwd: string, ...more: string[]): ReturnType<typeof runInWorld> =>
    runInWorld(cwd, async (world) => runProgram(['probe', 'home', '--json', ...more], world), {
      now: Date.now,
      pid: process.pid,
      env: { PATH: process.env['PATH'] },
    })

  it('a command uses the config of a folder above, and results go next to it', async () => {
    const { stdout, stderr } = await probe(inner)
    expect({ stderr, probes: stdout.includes('"name": "home"') }).toMatchObject({ probes: true })
    expect(existsSync(join(place.folder, '.vigil/runs'))).toBe(true)
    expect(existsSync(join(inner, '.vigil'))).toBe(false)
  })

  it('the root of a repository is as far as it looks', async () => {
    mkdirSync(join(inner, '.git'))
    const { code, stderr } = await probe(inner)
    expect([code, stderr]).toEqual([2, expect.stringContaining('vigil.config.ts: file not found')])
  })

  it('with it, nothing is looked for', async () => {
    const { code, stderr } = await probe(inner, '--config', 'vigil.config.ts')
    expect([code, stderr]).toEqual([
      2,
      expect.stringContaining('packages/api/vigil.config.ts: file not found'),
    ])
  })
})
