import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import { z } from 'zod'

const step = z.object({
  id: z.string().optional(),
  name: z.string().optional(),
  if: z.string().optional(),
  uses: z.string().optional(),
  with: z.record(z.string(), z.unknown()).optional(),
  shell: z.string().optional(),
  env: z.record(z.string(), z.string()).optional(),
  run: z.string().optional(),
})
const action = z.object({
  inputs: z.record(z.string(), z.object({ description: z.string(), default: z.string() })),
  outputs: z.record(z.string(), z.object({ description: z.string(), value: z.string() })),
  runs: z.object({ using: z.literal('composite'), steps: z.array(step) }),
})

/** A composite action, as its file describes it. */
export function readAction(file: string): z.infer<typeof action> {
  return action.parse(parse(readFileSync(file, 'utf8')))
}

export interface JobRequest {
  /** Has the action's code and its `action.yml`. */
  actionFolder: string
  workspace: string
  /** For files of the runner: must not exist. */
  temporary: string
  inputs: Readonly<Record<string, string>>
  env: NodeJS.ProcessEnv
  token: string
}

export interface JobResult {
  isSuccess: boolean
  outputs: Record<string, string>
  /** The steps that ran, by name or by the action that they use. */
  steps: { name: string; code: number; with?: Record<string, string> }[]
  /** All that the steps printed. */
  log: string
  summary: string
}

/** Runs the steps of a composite action as GitHub's runner does. Actions of others are only listed. */
export async function runAction(request: JobRequest): Promise<JobResult> {
  const { inputs: declared, outputs, runs } = readAction(join(request.actionFolder, 'action.yml'))
  mkdirSync(request.temporary, { recursive: true })
  const values: Values = {
    'github.token': request.token,
    'github.action_path': request.actionFolder,
    'runner.os': 'Linux',
    'runner.arch': 'X64',
  }
  for (const [name, { default: text }] of Object.entries(declared))
    values[`inputs.${name}`] = request.inputs[name] ?? expand(text, values)
  const result: JobResult = { isSuccess: true, outputs: {}, steps: [], log: '', summary: '' }
  for (const [index, one] of runs.steps.entries()) {
    const isWanted = one.if === undefined || evaluate(one.if, values) === 'true'
    if (!isWanted || (!result.isSuccess && !one.if?.includes('always()'))) continue
    const name = one.name ?? one.uses ?? ''
    if (one.run === undefined) {
      const given = Object.entries(one.with ?? {}).map(([key, text]) => [key, expand(String(text), values)])
      result.steps.push({ name, code: 0, with: Object.fromEntries(given) as Record<string, string> })
      continue
    }
    const ran = await runStep(request, { index, script: one.run, env: one.env ?? {} }, values)
    result.steps.push({ name, code: ran.code })
    result.log += ran.log
    result.summary += ran.summary
    for (const [key, text] of ran.outputs) values[`steps.${one.id ?? ''}.outputs.${key}`] = text
    if (ran.code !== 0) result.isSuccess = false
  }
  for (const [name, { value }] of Object.entries(outputs)) result.outputs[name] = expand(value, values)
  return result
}

type Values = Record<string, string>

async function runStep(
  { workspace, temporary, env }: JobRequest,
  { index, script, env: own }: { index: number; script: string; env: Record<string, string> },
  values: Values,
): Promise<{ code: number; log: string; summary: string; outputs: [string, string][] }> {
  const file = (name: string): string => join(temporary, `${index}-${name}`)
  for (const name of ['output', 'summary']) writeFileSync(file(name), '')
  writeFileSync(file('script.sh'), script)
  // A fake of the code host answers from this process: it must not wait for the step.
  const child = spawn('bash', ['--noprofile', '--norc', '-eo', 'pipefail', file('script.sh')], {
    cwd: workspace,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...env,
      CI: 'true',
      GITHUB_ACTIONS: 'true',
      GITHUB_WORKSPACE: workspace,
      GITHUB_OUTPUT: file('output'),
      GITHUB_STEP_SUMMARY: file('summary'),
      RUNNER_TEMP: temporary,
      ...Object.fromEntries(Object.entries(own).map(([name, text]) => [name, expand(text, values)])),
    },
  })
  let log = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => void (log += text))
  const code = await new Promise<number>((resolve) => child.once('close', (ended) => resolve(ended ?? 1)))
  return {
    code,
    log,
    summary: existsSync(file('summary')) ? readFileSync(file('summary'), 'utf8') : '',
    outputs: readFileSync(file('output'), 'utf8')
      .split('\n')
      .filter((line) => line.includes('='))
      .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  }
}

function expand(text: string, values: Values): string {
  return text.replaceAll(/\$\{\{(.*?)\}\}/g, (_, expression: string) => evaluate(expression, values))
}

/** The operators that action.yml uses: `||`, `&&`, `==` and `!=`. */
function evaluate(expression: string, values: Values): string {
  const parts = (operator: string): string[] => expression.split(operator).map((part) => part.trim())
  if (expression.includes('||'))
    return (
      parts('||')
        .map((part) => evaluate(part, values))
        .find(isTrue) ?? ''
    )
  if (expression.includes('&&')) return String(parts('&&').every((part) => isTrue(evaluate(part, values))))
  const compared = /^(.*?)\s*(==|!=)\s*(.*)$/.exec(expression.trim())
  if (compared) {
    const isEqual = evaluate(compared[1] ?? '', values) === evaluate(compared[3] ?? '', values)
    return String(isEqual === (compared[2] === '=='))
  }
  const term = expression.trim()
  if (term === 'always()') return 'true'
  return /^'.*'$/.test(term) ? term.slice(1, -1) : (values[term] ?? '')
}

function isTrue(text: string): boolean {
  return text !== '' && text !== 'false'
}
