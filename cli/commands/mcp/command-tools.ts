import type { McpServer } from '@modelcontextprotocol/server'
import { z } from 'zod'
import { findRecord } from './results.ts'
import { answer, describeProjectNow, readByCommand, readOnly } from './toolbox.ts'
import type { Toolbox } from './toolbox.ts'

const ids = z.array(z.string().max(200)).min(1).max(60).describe('Ids of runs that list_results shows.')

/** Tools that run a command which only reads. */
export function addCommandTools(server: McpServer, toolbox: Toolbox): void {
  addProjectTools(server, toolbox)
  addCompareTool(server, toolbox)
  addHistoryTool(server, toolbox)
  addUptimeTool(server, toolbox)
}

function addProjectTools(server: McpServer, toolbox: Toolbox): void {
  server.registerTool(
    'describe_project',
    {
      description: 'Shows the target, suites, probes and gate of the config.',
      inputSchema: z.object({}),
      annotations: readOnly,
    },
    async (_, { mcpReq }) => answer(toolbox, async () => describeProjectNow(toolbox, mcpReq.signal)),
  )
  server.registerTool(
    'check_machine',
    {
      description: 'Shows what this machine measures with: vigil, processor, memory and tools.',
      inputSchema: z.object({}),
      annotations: readOnly,
    },
    async (_, { mcpReq }) => answer(toolbox, async () => readByCommand(toolbox, ['doctor'], mcpReq.signal)),
  )
}

function addCompareTool(server: McpServer, toolbox: Toolbox): void {
  server.registerTool(
    'compare_runs',
    {
      description: 'Judges whether candidate runs are slower than baseline runs, with confidence intervals.',
      inputSchema: z.object({
        baseline: ids,
        candidate: ids,
        marginPercent: z.number().positive().max(1000).describe('Slowdown to accept.').optional(),
      }),
      annotations: readOnly,
    },
    async ({ baseline, candidate, marginPercent }, { mcpReq }) =>
      answer(toolbox, async () => {
        const paths = async (names: readonly string[]): Promise<string[]> =>
          Promise.all(names.map(async (name) => findRecord(toolbox.out, name)))
        const sides = ['--baseline', ...(await paths(baseline)), '--candidate', ...(await paths(candidate))]
        const margin = marginPercent === undefined ? [] : ['--margin', String(marginPercent)]
        return readByCommand(toolbox, ['compare', ...sides, ...margin, '--out', toolbox.out], mcpReq.signal)
      }),
  )
}

function addHistoryTool(server: McpServer, toolbox: Toolbox): void {
  server.registerTool(
    'read_history',
    {
      description: 'Shows runs over time: levels, change points and drifts, newest runs last.',
      inputSchema: z.object({
        suite: z.string().max(64).optional(),
        step: z.string().max(200).describe('journey/step, instead of whole runs.').optional(),
        metric: z.string().max(40).optional(),
        runs: z.int().min(1).max(200).default(30),
      }),
      annotations: readOnly,
    },
    async ({ suite, step, metric, runs }, { mcpReq }) =>
      answer(
        toolbox,
        async () => {
          const chosen = [
            ...(step === undefined ? [] : [`--step=${step}`]),
            ...(metric === undefined ? [] : [`--metric=${metric}`]),
          ]
          const rest = [...toolbox.common, ...(suite === undefined ? [] : ['--', suite])]
          return readByCommand(toolbox, ['history', `--runs=${runs}`, ...chosen, ...rest], mcpReq.signal)
        },
        'last',
      ),
  )
}

function addUptimeTool(server: McpServer, toolbox: Toolbox): void {
  server.registerTool(
    'read_uptime',
    {
      description: 'Shows daily uptime, error budget, incidents and flaky steps of probes.',
      inputSchema: z.object({
        probes: z.array(z.string().max(64)).max(50).default([]),
        days: z.int().min(1).max(90).default(7),
      }),
      annotations: readOnly,
    },
    async ({ probes, days }, { mcpReq }) =>
      answer(toolbox, async () =>
        readByCommand(
          toolbox,
          ['uptime', `--days=${days}`, ...toolbox.common, '--', ...probes],
          mcpReq.signal,
        ),
      ),
  )
}
