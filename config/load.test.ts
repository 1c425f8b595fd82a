import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { loadConfig, readSecrets } from './load.ts'
import { temporaryFolder } from '../runtime/testing/temporary-folder.ts'

const folder = temporaryFolder('config')

const journeys =
  "export default [{ name: 'home', steps: [{ name: 'get', request: () => ({ method: 'GET', path: '/' " +
  '}) }] }]\n'
writeFileSync(join(folder, 'journeys.mjs'), journeys)

let count = 0
function write(text: string, ending = 'mjs'): string {
  count += 1
  const name = `vigil.${count}.${ending}`
  writeFileSync(join(folder, name), text)
  return name
}

const good = {
  target: { url: 'http://127.0.0.1:8000' },
  journeys: './journeys.mjs',
  suites: {
    browse: { engine: 'k6', journeys: { home: 1 }, load: { ratePerSecond: 10 }, durationSeconds: 30 },
  },
}

/** The good config with one place changed; `undefined` removes it. */
function changed(path: string, value: unknown): string {
  const copy: unknown = structuredClone(good)
  const keys = path.split('.')
  let at: unknown = copy
  for (const key of keys.slice(0, -1)) {
    if (Reflect.get(Object(at), key) === undefined) Reflect.set(Object(at), key, {})
    at = Reflect.get(Object(at), key)
  }
  Reflect.set(Object(at), keys.at(-1) ?? '', value)
  return `export default ${JSON.stringify(copy)}`
}

async function problemOf(name: string): Promise<string> {
  const result = await loadConfig(folder, name)
  return result.state === 'usage-error' ? result.problem : 'no problem'
}

it('loads a good config, its journeys and the paths of both', async () => {
  const name = write(`export default ${JSON.stringify(good)}`)
  expect(await loadConfig(folder, name)).toMatchObject({
    state: 'ok',
    loaded: {
      config: good,
      file: join(folder, name),
      journeysModule: join(folder, 'journeys.mjs'),
      journeys: [{ name: 'home' }],
    },
  })
})

it('reads a config behind a link as the file that it is: its paths are relative to that', async () => {
  mkdirSync(join(folder, 'elsewhere'))
  symlinkSync(
    join(folder, write(`export default ${JSON.stringify(good)}`)),
    join(folder, 'elsewhere', 'link.mjs'),
  )
  expect(await loadConfig(join(folder, 'elsewhere'), 'link.mjs')).toMatchObject({
    state: 'ok',
    loaded: { journeysModule: join(folder, 'journeys.mjs') },
  })
})

describe('an invalid config is reported in one line with file, path, expected and found', () => {
  const cases: [string, string, string][] = [
    [
      'an unknown setting, with the nearest',
      changed('targt', {}),
      'targt: unknown setting (did you mean target?)',
    ],
    [
      'an unknown setting deep inside',
      changed('suites.browse.durationSecond', 3),
      'suites.browse.durationSecond: unknown setting (did you mean durationSeconds?)',
    ],
    [
      'a setting that resembles nothing',
      changed('pushgateway', { url: 'http://x', zebra: 1 }),
      'pushgateway.zebra: unknown setting (there are: url, require, nativeHistograms)',
    ],
    [
      'a wrong type',
      changed('suites.browse.durationSeconds', '30'),
      'suites.browse.durationSeconds: expected a number, got "30"',
    ],
    [
      'a database that vigil cannot bring',
      changed('target.database', 'mysql'),
      'target.database: expected one of postgres, got "mysql"',
    ],
    [
      'something missing',
      changed('target.url', undefined),
      'target.url: expected an http:// or https:// URL, got nothing',
    ],
    [
      'no http URL',
      changed('target.url', 'localhost:8000'),
      'target.url: expected an http:// or https:// URL, got a string',
    ],
    [
      'a target with a query',
      changed('target.url', 'http://host/api?key=1'),
      'target.url: expected a URL without a query or fragment',
    ],
    [
      'a target with an empty fragment',
      changed('target.url', 'http://host/#'),
      'target.url: expected a URL without a query or fragment',
    ],
    [
      'a password in the address',
      changed('target.url', 'http://me:pw@host'),
      'target.url: expected a URL without a user and password',
    ],
    [
      'a secret that is no variable',
      changed('secrets', ['API KEY']),
      'secrets.0: expected the name of an environment variable, got "API KEY"',
    ],
    [
      'a secret that would change the load',
      changed('secrets', ['API_KEY', 'K6_DURATION']),
      'secrets.1: expected a variable that vigil and its tools do not use, got "K6_DURATION"',
    ],
    [
      'a negative rate',
      changed('suites.browse.load.ratePerSecond', -5),
      'suites.browse.load.ratePerSecond: expected a positive number, got -5',
    ],
    [
      'a rate beyond reason',
      changed('suites.browse.load.ratePerSecond', 1e9),
      'suites.browse.load.ratePerSecond: expected at most 100000, got 1000000000',
    ],
    [
      'an error rate in per cent',
      changed('budgets.errorRate', 5),
      'budgets.errorRate: expected a ratio from 0 to 1 (0.1 % is 0.001), got 5',
    ],
    [
      'an unknown engine',
      changed('suites.browse.engine', 'jmeter'),
      'suites.browse.engine: expected one of k6, autocannon, got "jmeter"',
    ],
    [
      'an engine with the load of another',
      changed('suites.browse.load', { connections: 5 }),
      'suites.browse.load: expected only ratePerSecond, which k6 uses, got connections',
    ],
    [
      'an unknown journey, with the nearest',
      changed('suites.browse.journeys', { hoem: 1 }),
      'suites.browse.journeys: expected the name of a journey, got "hoem" (did you mean home?)',
    ],
    [
      'no journey',
      changed('suites.browse.journeys', {}),
      'suites.browse.journeys: expected at least one journey, got none',
    ],
    [
      'a journey and a script',
      changed('suites.browse.script', './x.js'),
      'suites.browse: expected either journeys or script, got both',
    ],
    [
      'a probe with a journey and a spec',
      changed('probes', { p: { journey: 'home', spec: './x.spec.ts' } }),
      'probes.p: expected either journey or spec, got both',
    ],
    [
      'an unknown setting of a probe',
      changed('probes', { p: { journey: 'home', atempts: 1 } }),
      'probes.p.atempts: unknown setting (did you mean attempts?)',
    ],
    [
      'a probe of an unknown journey',
      changed('probes', { p: { journey: 'hom' } }),
      'probes.p.journey: expected the name of a journey, got "hom"',
    ],
    [
      'a gate of an unknown suite',
      changed('gate', { suites: ['brows'] }),
      'gate.suites: expected the name of a suite, got "brows" (did you mean browse?)',
    ],
    [
      'a gate of an unknown probe',
      changed('gate', { suites: ['browse'], probes: ['hoem'] }),
      'gate.probes: expected the name of a probe, got "hoem"',
    ],
    ['an empty gate', changed('gate', { suites: [] }), 'gate.suites: expected at least one suite'],
    [
      'memory asked of a step',
      changed('budgets', { steps: { 'home/get': { rssBytes: 1 } } }),
      'budgets.steps.home/get.rssBytes: expected no memory budget for a step',
    ],
    [
      'a name that no metric can carry',
      changed('suites', { 'a b': good.suites.browse }),
      'suites.a b: expected 1 to 64 letters',
    ],
    [
      'a command without a path to wait for',
      changed('target.command', ['x']),
      'target.ready: expected the path that answers 2xx',
    ],
    ['no default export', 'export const a = 1', 'default export: expected a vigil config, got none'],
    ['a syntax error', 'export default {\n  target: {,\n}', 'vigil.'],
    ['a config that throws', "const a = 1\nthrow new Error('boom')", ':2: Error: boom'],
  ]
  it.each(cases)('%s', async (_, text, says) => {
    const name = write(text)
    const problem = await problemOf(name)
    expect(problem).toContain(join(folder, name))
    expect(problem).toContain(says)
    expect(problem).not.toContain('\n')
    expect(problem).not.toContain('    at ')
  })

  it('a file that does not exist', async () => {
    expect(await problemOf('nowhere.ts')).toBe(
      `${join(folder, 'nowhere.ts')}: file not found, expected a vigil config: create one with a default ` +
        `export, or name another file with '--config FILE'`,
    )
  })

  it('never shows a URL, which may hold a password', async () => {
    expect(await problemOf(write(changed('target.url', 'ftp://user:hunter2@host')))).not.toContain('hunter2')
  })
})

describe('a wrong journeys module', () => {
  const cases: [string, string, string][] = [
    ['that throws', "throw new Error('no such luck')", ':1: no such luck'],
    [
      'that exports no array',
      'export default {}',
      'default export: expected an array of journeys, got object',
    ],
    [
      'with a step without a request',
      "export default [{ name: 'home', steps: [{ name: 'get' }] }]",
      '[0].steps[0].request: expected a function, got undefined',
    ],
    [
      'with a wait that is none',
      "export default [{ name: 'home', steps: [{ name: 'get', request: () => ({}), until: { everyMs: " +
        '100 } }] }]',
      '[0].steps[0].until.timeoutMs: expected milliseconds from 0 to 600000, got undefined',
    ],
    [
      'with a name that no label can carry',
      "export default [{ name: 'a/b', steps: [] }]",
      "[0].name: expected 1 to 64 letters, digits, '.', '_' or '-', got \"a/b\"",
    ],
  ]
  it.each(cases)('%s is named with its place', async (_, text, says) => {
    const module = write(text)
    const problem = await problemOf(write(changed('journeys', `./${module}`)))
    expect(problem).toContain(join(folder, module))
    expect(problem).toContain(says)
    expect(problem).not.toContain('\n')
  })

  it('with a journey that waits cannot be loaded, only probed', async () => {
    const module = write(
      "export default [{ name: 'home', steps: [{ name: 'job', request: () => ({}), until: { everyMs: " +
        '100, timeoutMs: 1000 } }] }]',
    )
    expect(await problemOf(write(changed('journeys', `./${module}`)))).toContain(
      'suites.browse.journeys.home: expected a journey that does not wait, got one whose step job waits',
    )
  })

  it('that is not there is named with the setting that asked for it', async () => {
    const name = write(changed('journeys', './gone.ts'))
    expect(await problemOf(name)).toContain(
      `${join(folder, name)}: journeys: ${join(folder, 'gone.ts')}: file not found`,
    )
  })
})

describe('the secrets of a config', () => {
  const read = async (names: string[], env: NodeJS.ProcessEnv): Promise<unknown> => {
    const config = await loadConfig(folder, write(changed('secrets', names)))
    return config.state === 'ok' ? readSecrets(config.loaded, env) : config
  }

  it('are the values of those variables, and of no other', async () => {
    expect(await read(['API_KEY', 'b'], { API_KEY: 'k-123', b: 'x yz', OTHER: 'other' })).toEqual({
      state: 'ok',
      values: { API_KEY: 'k-123', b: 'x yz' },
    })
    expect(await read([], { API_KEY: 'k-123' })).toEqual({ state: 'ok', values: {} })
  })

  it.each([
    [{}, 'got nothing'],
    [{ API_KEY: '' }, 'got nothing'],
    [{ API_KEY: 'k12' }, 'got 3 characters'],
  ])('of the environment %j are a problem that names the variable', async (env, found) => {
    expect(await read(['API_KEY'], env)).toEqual({
      state: 'usage-error',
      problem: expect.stringMatching(
        new RegExp(`: secrets\\.0: API_KEY: expected at least 4 characters in .* API_KEY, ${found}$`),
      ),
    })
  })
})
