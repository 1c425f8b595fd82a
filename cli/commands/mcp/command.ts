import type { Command } from 'commander'
import { configOption, examplesText, outOption } from '../../shared/options.ts'
import type { CommonOptions } from '../../shared/options.ts'

export interface McpOptions extends Pick<CommonOptions, 'config' | 'out'> {
  allowRuns?: boolean
  describe?: boolean
}

export function addMcpCommand(program: Command, run: (options: McpOptions) => Promise<void>): void {
  program
    .command('mcp')
    .description(
      'Serves results to a coding agent, by the Model Context Protocol on standard input and output. Its ' +
        'tools only read: runs, verdicts, reports, comparisons, history, uptime and this machine. With ' +
        '--allow-runs, the agent may also start a suite or probes of the config, after a plan that names ' +
        'target and limit.',
    )
    .option('--allow-runs', 'add the tools that plan and start a suite or probes of the config')
    .option('--describe', 'print what the tools could load and probe, as JSON, and serve nothing')
    .addOption(configOption())
    .addOption(outOption())
    .addHelpText('after', examplesText(['vigil mcp', 'vigil mcp --allow-runs', 'vigil mcp --describe']))
    .action(async (options: McpOptions) => run(options))
}
