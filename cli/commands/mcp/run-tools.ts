import type { McpServer, ServerContext } from '@modelcontextprotocol/server'
import { z } from 'zod'
import { UsageError } from '../../shared/world.ts'
import { invoke } from './invoke.ts'
import type { Invoked } from './invoke.ts'
import { createPlans } from './plans.ts'
import type { RunPlan } from './plans.ts'
import { readRun, readVerdict } from './results.ts'
import { answer, describeProjectNow, lastLine } from './toolbox.ts'
import type { Toolbox } from './toolbox.ts'

const request = z.discriminatedUnion('command', [
  z.object({
    command: z.literal('load'),
    suite: z.string().max(64),
    durationSeconds: z.number().positive().describe('Shorter than the suite.').optional(),
  }),
  z.object({ command: z.literal('probe'), probes: z.array(z.string().max(64)).max(50).default([]) }),
])

/** Tools that start something: only with `--allow-runs`, and each run needs a plan. */
export function addRunTools(server: McpServer, toolbox: Toolbox): void {
  const plans = createPlans(toolbox.world.now, toolbox.world.random)
  let running: RunPlan | undefined
  server.registerTool(
    'plan_run',
    {
      description:
        'Plans a load by a suite, or probes, of the config, and starts nothing. Show target and limit to ' +
        'the user, and call start_run with the id of the plan once they agree.',
      inputSchema: z.object({ run: request }),
      annotations: { readOnlyHint: true, openWorldHint: false },
    },
    async ({ run }, { mcpReq }) =>
      answer(toolbox, async () => {
        const { args, ...plan } = plans.add(run, await describeProjectNow(toolbox, mcpReq.signal))
        return { ...plan, command: ['vigil', ...args].join(' '), next: `start_run with plan ${plan.id}` }
      }),
  )
  server.registerTool(
    'start_run',
    {
      description: 'Starts what plan_run planned, waits for its end, and returns its verdict.',
      inputSchema: z.object({ plan: z.string().max(40).describe('The id of a plan.') }),
      annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: false, openWorldHint: true },
    },
    async ({ plan: id }, { mcpReq }) =>
      answer(toolbox, async () => {
        if (running !== undefined)
          throw new UsageError(
            `plan: ${running.id} is still running, expected one run at a time: wait for its end`,
          )
        const plan = plans.take(id, await describeProjectNow(toolbox, mcpReq.signal))
        running = plan
        try {
          return await startRun(plan, toolbox, mcpReq)
        } finally {
          running = undefined
        }
      }),
  )
}

async function startRun(
  { args, target, limitSeconds }: RunPlan,
  { world, common, out }: Toolbox,
  mcpReq: ServerContext['mcpReq'],
): Promise<unknown> {
  const token = readProgressToken(mcpReq)
  let progress = 0
  const invoked = await invoke([...args, '--json', ...common], world, {
    timeoutMs: limitSeconds * 1000,
    signal: mcpReq.signal,
    onMessage: (message) => {
      if (token === undefined) return
      progress += 1
      const params = { progressToken: token, progress, message }
      // Progress that does not arrive changes nothing.
      mcpReq.notify({ method: 'notifications/progress', params }).catch(() => undefined)
    },
  })
  return toRunAnswer(target, out, invoked)
}

/** What an ended command came to: its exit code, with the verdict and the figures that it wrote. */
export async function toRunAnswer(target: string, out: string, invoked: Invoked): Promise<object> {
  const { code, means, document } = invoked
  if (document === undefined) throw new UsageError(`exit ${code}, ${means}: ${lastLine(invoked)}`)
  return { target, exitCode: code, means, ...(await readResult(out, document, invoked)) }
}

function readProgressToken({ _meta: meta }: ServerContext['mcpReq']): string | number | undefined {
  return meta?.progressToken
}

/** The verdict and the figures of a load; the results of probes. */
async function readResult(out: string, document: unknown, { messages }: Invoked): Promise<object> {
  const id: unknown =
    typeof document === 'object' && document !== null ? Reflect.get(document, 'id') : undefined
  if (typeof id !== 'string') return { result: document }
  try {
    return { id, verdict: await readVerdict(out, id, undefined), run: await readRun(out, id) }
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    return { id, problem: error.message, messages }
  }
}
