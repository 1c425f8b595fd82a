import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { parseAllDocuments } from 'yaml'

const root = fileURLToPath(new URL('..', import.meta.url))
const files = execFileSync('git', ['ls-files'], { cwd: root, encoding: 'utf8' }).trim().split('\n')
const read = (file: string): string => readFileSync(join(root, file), 'utf8')

/**
 * Programs that are not of this repository, by the images that they are in: their variables are their own.
 */
const foreign = /^(?:postgres|prom\/|grafana\/|otel\/|quay\.io\/|ncabatoff\/|prometheuscommunity\/)/
/** Read by Node or cron, or, for one signal of several, under a name composed in `backend/config/otel.ts`. */
const known = new Set([
  'NODE_ENV',
  'NODE_COMPILE_CACHE',
  'SHELL',
  'PATH',
  'MAILTO',
  'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT',
])

interface Variable {
  file: string
  name: string
}

/** The variables that containers of our images get, anywhere in a YAML document. */
function variablesOf(file: string, node: unknown): Variable[] {
  if (Array.isArray(node)) return node.flatMap((each) => variablesOf(file, each))
  if (typeof node !== 'object' || node === null) return []
  const { image, env, environment } = node as Record<string, unknown>
  const inner = Object.values(node).flatMap((each) => variablesOf(file, each))
  if (typeof image !== 'string' || foreign.test(image)) return inner
  const names = Array.isArray(env)
    ? env.map((each: { name: string }) => each.name)
    : Object.keys(environment ?? {})
  return [...names.map((name) => ({ file, name })), ...inner]
}

const manifests = files.filter((file) => /^(deploy\/.*|docker-compose[^/]*)\.ya?ml$/.test(file))
const variables: Variable[] = [
  ...manifests.flatMap((file) =>
    parseAllDocuments(read(file), { merge: true }).flatMap((document) => variablesOf(file, document.toJS())),
  ),
  ...files
    .filter((file) => /^deploy\/(systemd\/.*\.service|cron\/.*|[^/]*Dockerfile)$/.test(file))
    .flatMap((file) =>
      [...read(file).matchAll(/^(?:Environment=|ENV )?([A-Z][A-Z0-9_]+)=/gm)].map(([, name = '']) => ({
        file,
        name,
      })),
    ),
]
const sources = files
  .filter((file) => file.endsWith('.ts') && !/\.test\.ts$|\/testing\//.test(file))
  .map((file) => read(file))

describe('variables that manifests set', () => {
  it('are found in each kind of manifest', () => {
    const found = new Set(variables.map(({ file }) => file))
    for (const file of [
      'docker-compose.yml',
      'deploy/kubernetes/todo-backend/deployment.yaml',
      'deploy/kubernetes/vigil-probes/cron.yaml',
      'deploy/systemd/vigil-probe.service',
    ])
      expect(found).toContain(file)
  })

  it.each(variables.map(({ file, name }) => [file, name]))('%s: %s is read', (file, name = '') => {
    const isRead =
      known.has(name) ||
      // Of the unit itself: `--target ${VIGIL_TARGET}`.
      read(file ?? '').includes(`\${${name}}`) ||
      sources.some((source) => new RegExp(`['\`]${name}['\`]`).test(source))
    expect(isRead).toBe(true)
  })
})

it("the deployed probes push to the Pushgateway of the CronJob's variable", () => {
  const script = `const { default: config } = await import('./deploy/vigil.config.ts')
    process.stdout.write(JSON.stringify(config.pushgateway ?? null))`
  const pushgateway = (env: NodeJS.ProcessEnv): string =>
    execFileSync(process.execPath, ['--input-type=module', '-e', script], {
      cwd: root,
      env,
      encoding: 'utf8',
    })
  expect(pushgateway({ PUSHGATEWAY_URL: 'http://gateway:9091' })).toBe('{"url":"http://gateway:9091"}')
  expect(pushgateway({})).toBe('null')
})
