import { existsSync, readFileSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Ajv } from 'ajv'
import { describe, expect, it } from 'vitest'
import { isScalar, parse, parseDocument, visit } from 'yaml'
import { describeCommands } from '../../cli/index.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const read = (path: string): string => readFileSync(join(root, path), 'utf8')

interface Service {
  image: string
  build?: { context: string; dockerfile: string }
  command: string[]
  user?: string
  environment?: Record<string, string>
  secrets?: (string | { source: string; target: string })[]
  volumes?: string[]
  ports?: string[]
  networks?: string[]
  read_only?: boolean
  cap_drop?: string[]
  cap_add?: string[]
  security_opt?: string[]
  privileged?: boolean
  healthcheck?: { test?: string[]; disable?: boolean }
  deploy?: { resources: { limits: { cpus: string; memory: string } } }
}
interface Compose {
  services: Record<string, Service>
  networks: Record<string, unknown>
  volumes: Record<string, unknown>
  secrets: Record<string, { file: string }>
}

const text = read('docker-compose.yml')
const compose = parse(text, { merge: true }) as Compose
const services = Object.entries(compose.services)
/** Where a secret is in its container, and what it is called. */
const secretsOf = ({ secrets = [] }: Service): { source: string; target: string }[] =>
  secrets.map((secret) =>
    typeof secret === 'string' ? { source: secret, target: `/run/secrets/${secret}` } : secret,
  )
/** The host of what a configuration names. */
const hostOf = (address: string): string => address.replace(/^https?:\/\//, '').split(/[:/]/)[0] ?? ''

describe('docker-compose.yml', () => {
  it('is what the Compose specification allows', () => {
    // It names its dialect, draft 7, by an address that Ajv does not know it by.
    const { $schema: dialect, ...schema } = JSON.parse(
      read('monitoring/compose/compose-spec.json'),
    ) as Record<string, unknown>
    expect(dialect).toContain('draft-07')
    const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: false })
    const validate = ajv.compile(schema)
    validate(compose)
    expect(validate.errors).toBeNull()
    // The schema is awake.
    expect(validate({ services: { one: { image: 'one', comand: [] } } })).toBe(false)
  })

  it('has every part of the stack', () => {
    expect(Object.keys(compose.services).toSorted()).toEqual([
      'alertmanager',
      'alloy',
      'backend',
      'grafana',
      'log-folder',
      'loki',
      'node-exporter',
      'otel-collector',
      'postgres',
      'postgres-exporter',
      'process-exporter',
      'prometheus',
      'pushgateway',
      'tempo',
      'vigil-probes',
    ])
  })

  it.each(services)('%s is pinned or built from here, and may do no more than it needs', (_, service) => {
    if (service.build)
      expect(existsSync(join(root, service.build.context, service.build.dockerfile))).toBe(true)
    else expect(service.image).toMatch(/^[\w./-]+:v?\d+\.\d+(\.\d+)?$/)
    expect(service).toMatchObject({
      read_only: true,
      cap_drop: ['ALL'],
      security_opt: ['no-new-privileges:true'],
    })
    expect(service.privileged).toBeUndefined()
    for (const port of service.ports ?? []) expect(port).toMatch(/^127\.0\.0\.1:\d+:\d+$/)
  })

  it('limits the processor and memory of all that stay up', () => {
    expect(
      services
        .filter(
          ([name, { deploy }]) =>
            name !== 'log-folder' && !(deploy?.resources.limits.cpus && deploy.resources.limits.memory),
        )
        .map(([name]) => name),
    ).toEqual([])
  })

  it('asks each whether it is well, but for those whose image has nothing to ask with', () => {
    const unasked = services
      .filter(([, { healthcheck, build }]) => healthcheck?.test === undefined && build === undefined)
      .map(([name]) => name)
    expect(unasked.toSorted()).toEqual(['alloy', 'otel-collector', 'process-exporter', 'tempo'])
  })

  it('uses no password that is not given: required from the environment, or a file', () => {
    const variables = [...text.matchAll(/\$\{(\w+)([^}]*)\}/g)].map(
      ([, name = '', how = '']) => `${name}${how.slice(0, 2)}`,
    )
    expect(new Set(variables)).toEqual(
      new Set([
        'TODO_DATABASE_PASSWORD:?',
        'AUTH_SECRET:?',
        'METRICS_TOKEN:?',
        'AWS_ACCESS_KEY_ID-',
        'AWS_SECRET_ACCESS_KEY-',
      ]),
    )
    for (const [name, { environment = {} }] of services) {
      const literal = Object.entries(environment).filter(
        ([key, value]) =>
          /PASS|SECRET|TOKEN|KEY/.test(key) && !value.startsWith('${') && !value.startsWith('/run/secrets/'),
      )
      expect([name, literal]).toEqual([name, []])
    }
    const documented = read('monitoring/compose/secrets.example.md')
    expect(Object.keys(compose.secrets).filter((name) => !documented.includes(`\`${name}\``))).toEqual([])
    expect(
      [...read('monitoring/compose/environment.example').matchAll(/^(\w+)=$/gm)].map(([, name]) => name),
    ).toEqual([
      'TODO_DATABASE_PASSWORD',
      'AUTH_SECRET',
      'METRICS_TOKEN',
      'AWS_ACCESS_KEY_ID',
      'AWS_SECRET_ACCESS_KEY',
    ])
  })

  it('trusts the proxy that the API requires, and publishes no other way in', () => {
    expect(text).toContain('put a proxy with TLS in front')
    const backend = compose.services['backend']
    expect(backend?.environment).toMatchObject({ TRUST_PROXY: '1' })
    expect(backend?.ports).toEqual(['127.0.0.1:8000:8000'])
  })

  it('declares what it refers to, and refers to what it declares', () => {
    const used = (of: (service: Service) => readonly string[]): string[] =>
      [...new Set(services.flatMap(([, service]) => of(service)))].toSorted()
    const named = (service: Service): string[] =>
      (service.volumes ?? [])
        .map((volume) => volume.split(':')[0] ?? '')
        .filter((source) => !/^[./]/.test(source))
    expect(used(named)).toEqual(Object.keys(compose.volumes).toSorted())
    expect(used((service) => secretsOf(service).map(({ source }) => source))).toEqual(
      Object.keys(compose.secrets).toSorted(),
    )
    expect(used(({ networks = [] }) => networks)).toEqual(Object.keys(compose.networks).toSorted())
  })

  it('mounts only what is there, and nothing of ours to be written', () => {
    const mounts = services.flatMap(([name, { volumes = [] }]) =>
      volumes.map((volume) => ({
        name,
        volume,
        source: volume.split(':')[0] ?? '',
        mode: volume.split(':')[2]?.split(',')[0],
      })),
    )
    const ours = mounts.filter(({ source }) => /^[./]/.test(source))
    expect(ours.length).toBeGreaterThan(10)
    expect(ours.filter(({ mode }) => mode !== 'ro')).toEqual([])
    expect(ours.filter(({ source }) => source.startsWith('./') && !existsSync(join(root, source)))).toEqual(
      [],
    )
  })

  it('has every target of Prometheus, on a network that they share', () => {
    const prometheus = parse(read('monitoring/prometheus/prometheus.yml')) as {
      scrape_configs: { job_name: string; static_configs: { targets: string[] }[] }[]
      alerting: { alertmanagers: { static_configs: { targets: string[] }[] }[] }
    }
    const targets = [...prometheus.scrape_configs, ...prometheus.alerting.alertmanagers].flatMap(
      ({ static_configs: groups }) => groups.flatMap((group) => group.targets),
    )
    expect(targets.length).toBeGreaterThanOrEqual(9)
    for (const target of targets)
      expect([target, compose.services[hostOf(target)]?.networks?.includes('monitoring')]).toEqual([
        target,
        true,
      ])
  })

  it('has every data source of Grafana', () => {
    const { datasources } = parse(read('monitoring/grafana/provisioning/datasources/datasources.yaml')) as {
      datasources: { url: string }[]
    }
    expect(
      datasources.map(({ url }) => hostOf(url)).filter((host) => compose.services[host] === undefined),
    ).toEqual([])
  })

  it.each(['alertmanager', 'prometheus'])('gives %s the secrets that its configuration names', (name) => {
    const document = parseDocument(read(`monitoring/${name}/${name}.yml`))
    const named = new Set<string>()
    visit(document, {
      Pair: (_, { key, value }) => {
        // Relative to the configuration, which is mounted in /etc.
        if (isScalar(key) && String(key.value).endsWith('_file') && isScalar(value))
          named.add(resolve(`/etc/${name}`, String(value.value)))
      },
    })
    const service = compose.services[name]
    expect([...named].toSorted()).toEqual(
      (service ? secretsOf(service) : []).map(({ target }) => target).toSorted(),
    )
  })

  it('starts probes with a command and options that exist', async () => {
    const program = await describeCommands()
    const [name, ...args] = compose.services['vigil-probes']?.command ?? []
    const known = program.commands.find((command) => command.name() === name)?.options.map(({ long }) => long)
    expect(args.filter((arg) => arg.startsWith('--')).filter((option) => !known?.includes(option))).toEqual(
      [],
    )
    const config = read('vigil.config.ts')
    for (const probe of args.slice(0, args.indexOf('--every')))
      expect(config).toMatch(new RegExp(`^    '?${probe}'?: \\{`, 'm'))
  })
})

describe('the image of vigil', () => {
  const allowed = read('deploy/vigil.Dockerfile.dockerignore')
    .split('\n')
    .filter((line) => line.startsWith('!'))
    .map((line) => line.slice(1))

  /** Every file of ours that `path` loads; `late`: also what it loads only when it is needed. */
  function loadedBy(path: string, late: boolean, seen = new Set<string>()): Set<string> {
    if (seen.has(path)) return seen
    seen.add(path)
    const imports = late
      ? /(?:from |import\()'(\.{1,2}\/[\w./-]+)'/g
      : /^(?:import|export) (?!type ).*from '(\.{1,2}\/[\w./-]+)'/gm
    for (const [, found = ''] of read(path).matchAll(imports))
      loadedBy(join(dirname(path), found), late, seen)
    return seen
  }

  it('has every file that probes load, and nothing that is not there', () => {
    const loaded = [
      ...loadedBy('cli/main.ts', false),
      ...[
        'cli/commands/probe/run.ts',
        'cli/commands/uptime/run.ts',
        'vigil.config.ts',
        'journeys/todo/journeys.ts',
      ].flatMap((path) => [...loadedBy(path, true)]),
    ]
    expect(loaded.length).toBeGreaterThan(100)
    expect(
      loaded.filter((path) => !allowed.some((entry) => path === entry || path.startsWith(`${entry}/`))),
    ).toEqual([])
    expect(
      loaded.filter((path) => path.includes('/testing/') || basename(path).endsWith('.test.ts')),
    ).toEqual([])
    expect(allowed.filter((entry) => !existsSync(join(root, entry)))).toEqual([])
  })

  it('is made like that of the API: its Node, its user, its form', () => {
    const image = read('deploy/vigil.Dockerfile')
    const version = (file: string): string | undefined => /^ARG NODE=(.+)$/m.exec(read(file))?.[1]
    expect(version('deploy/vigil.Dockerfile')).toBe(version('deploy/Dockerfile'))
    expect(image).toMatch(/^USER node$/m)
    expect(image).toMatch(/^ENTRYPOINT \["node", .*"cli\/main\.ts"\]$/m)
  })
})
