import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { StackPlan, StackToolName } from '../../monitoring/stack/index.ts'
import { findTool } from '../../runtime/tools/index.ts'
import type { Session } from './session.ts'
import { requireNamedTool } from './suites.ts'

/* What `up` and `drill` start in the same way: the service of the config, its probes, and the tools. */

/** Started as users start it, because the script limits the memory of a scheduler. */
const script = fileURLToPath(new URL('../../vigil', import.meta.url))

/** The service runs at another address here, with the same base path. */
export function basePathOf({ loaded }: Session): string {
  return new URL(loaded.config.target.url).pathname.replace(/\/+$/, '')
}

/**
 * The service and its scheduled probes.
 *
 * @param probesOut the folder of the probes' own results
 * @param every the interval of all probes; missing: each by its own
 */
export function planService(
  session: Session,
  probesOut: string,
  every?: string,
): Pick<StackPlan, 'target' | 'probes' | 'now' | 'signal'> {
  const { world, loaded } = session
  const { target } = loaded.config
  const cwd = dirname(loaded.file)
  const probe = (url: string, port: number): string[] => [
    'probe',
    '--every',
    ...(every === undefined ? [] : [every]),
    '--metrics-port',
    String(port),
    '--target',
    url + basePathOf(session),
    '--config',
    loaded.file,
    '--out',
    probesOut,
  ]
  return {
    target: {
      command: target.command ?? [],
      cwd,
      env: { ...world.env, ...target.env },
      ready: basePathOf(session) + (target.ready ?? '/'),
    },
    probes: (url, port) => ({ command: [script, ...probe(url, port)], cwd, env: world.env }),
    now: world.now,
    signal: world.interrupted,
  }
}

/** Those of a stack with nothing but rules and routes. */
export const generatedTools = [
  'prometheus',
  'promtool',
  'alertmanager',
  'pushgateway',
] as const satisfies readonly StackToolName[]

/** The first version of each tool that accepts production's configuration. */
const oldest = {
  prometheus: [2, 42],
  promtool: [2, 42],
  alertmanager: [0, 25],
  pushgateway: [1, 4],
  node_exporter: [1, 0],
  postgres_exporter: [0, 11],
  'process-exporter': undefined,
} as const satisfies Record<keyof StackPlan['tools'], readonly [number, number] | undefined>

/** The tools of a stack; undefined after a warning that names the first one that is missing or too old. */
export async function findTools(
  { world, progress }: Session,
  names: readonly StackToolName[],
): Promise<StackPlan['tools'] | undefined> {
  const found: Partial<Record<keyof StackPlan['tools'], string>> = {}
  for (const name of names) {
    const tool = await findTool(name, {
      env: world.env,
      progress: progress.phase,
      signal: world.interrupted,
    })
    requireNamedTool(tool)
    const problem = tool.state === 'missing' ? `${tool.reason}: ${tool.whatToDo}` : tooOld(name, tool.version)
    if (tool.state === 'missing' || problem !== undefined) {
      progress.warn(problem ?? '')
      return undefined
    }
    found[name] = tool.path
  }
  const {
    prometheus = '',
    promtool = '',
    alertmanager = '',
    pushgateway = '',
    node_exporter = '',
    postgres_exporter = '',
  } = found
  return {
    prometheus,
    promtool,
    alertmanager,
    pushgateway,
    node_exporter,
    postgres_exporter,
    'process-exporter': found['process-exporter'] ?? '',
  }
}

function tooOld(name: keyof typeof oldest, version: string): string | undefined {
  const least = oldest[name]
  const [major = 0, minor = 0] = version.split('.').map(Number)
  if (
    least === undefined ||
    Number.isNaN(major) ||
    major > least[0] ||
    (major === least[0] && minor >= least[1])
  )
    return undefined
  return `${name}: found version ${version}, expected ${least.join('.')} or newer`
}
