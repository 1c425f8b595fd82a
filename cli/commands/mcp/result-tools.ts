import type { McpServer } from '@modelcontextprotocol/server'
import { z } from 'zod'
import { listResults, readReport, readRun, readVerdict, resultKinds } from './results.ts'
import { answer, readOnly } from './toolbox.ts'
import type { Toolbox } from './toolbox.ts'

const id = z.string().max(200).describe('An id that list_results shows.')
const status = z.enum(['fail', 'invalid', 'inconclusive', 'improved', 'pass', 'skipped'])
const reportPage = 16_000

/** Tools that read the files of results. */
export function addResultTools(server: McpServer, toolbox: Toolbox): void {
  const { out } = toolbox
  server.registerTool(
    'list_results',
    {
      description: 'Lists the newest runs, gates and duets with their verdicts. Begin here.',
      inputSchema: z.object({
        kinds: z.array(z.enum(resultKinds)).default([...resultKinds]),
        limit: z.int().min(1).max(100).default(20),
      }),
      annotations: readOnly,
    },
    async ({ kinds, limit }) => answer(toolbox, async () => listResults(out, kinds, limit)),
  )
  server.registerTool(
    'read_verdict',
    {
      description:
        'Reads the verdict of a run, gate or duet: rows with rule, step, values and message, worst first.',
      inputSchema: z.object({ id, status: z.array(status).describe('Only rows of these.').optional() }),
      annotations: readOnly,
    },
    async ({ id: name, status: statuses }) => answer(toolbox, async () => readVerdict(out, name, statuses)),
  )
  server.registerTool(
    'read_run',
    {
      description:
        'Reads the record of a run: latency, errors and throughput by step, failures, the service and the ' +
        'load generator. Milliseconds, bytes, rates per second, ratios.',
      inputSchema: z.object({ id }),
      annotations: readOnly,
    },
    async ({ id: name }) => answer(toolbox, async () => readRun(out, name)),
  )
  server.registerTool(
    'read_report',
    {
      description: 'Reads the report of a run, gate or duet: causes and next steps, as Markdown in pages.',
      inputSchema: z.object({ id, offset: z.int().min(0).default(0) }),
      annotations: readOnly,
    },
    async ({ id: name, offset }) => answer(toolbox, async () => readReport(out, name, offset, reportPage)),
  )
}
