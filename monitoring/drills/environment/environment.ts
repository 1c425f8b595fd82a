import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { ServiceGroup, ServiceNotStarted } from '../../../runtime/services/index.ts'
import type { StartResult } from '../../../runtime/services/index.ts'
import { findTool } from '../../../runtime/tools/index.ts'
import type { ToolContext } from '../../../runtime/tools/index.ts'
import { stackToolNames } from '../../stack/index.ts'
import type { StackToolName } from '../../stack/index.ts'
import type { Receivers } from '../../receivers/index.ts'
import { startAlerting } from './alerting.ts'
import type { ConfigurationPlan } from './configuration.ts'
import { createFaultInjection, startProbes, startServiceUnderTest } from './service-under-test.ts'
import type { FaultInjection, ServicePlan, ServiceUnderTest } from './service-under-test.ts'

/** Paths of the programs in the environment. */
export type DrillTools = Record<StackToolName, string>

/** `usage-error`: a variable names a tool that is not there. */
export type ToolsFound =
  | { state: 'ok'; tools: DrillTools }
  | { state: 'missing' | 'usage-error'; reason: string }

export async function findDrillTools(surroundings: ToolContext): Promise<ToolsFound> {
  const tools: Partial<DrillTools> = {}
  for (const name of stackToolNames) {
    const found = await findTool(name, surroundings)
    if (found.state === 'missing')
      return {
        state: found.variable === undefined ? 'missing' : 'usage-error',
        reason: `${found.reason}: ${found.whatToDo}`,
      }
    tools[name] = found.path
  }
  return hasAllTools(tools)
    ? { state: 'ok', tools }
    : { state: 'missing', reason: 'not every tool was found' }
}

function hasAllTools(tools: Partial<DrillTools>): tools is DrillTools {
  return stackToolNames.every((name) => tools[name] !== undefined)
}

export interface DrillEnvironmentPlan extends ConfigurationPlan, ServicePlan {
  tools: DrillTools
  /** The request rate of users that is written into Prometheus for the previous days. */
  usualPerSecond: number
}

/** The service with its monitoring on the faster clock, and the faults that drills can cause. */
export interface DrillEnvironment extends Pick<
  ServiceUnderTest,
  'database' | 'api' | 'nodeExporter' | 'exporters'
> {
  urls: { service: string; prometheus: string; alertmanager: string; pushgateway: string }
  receivers: Receivers
  faults: FaultInjection
  /** Starts further probes: journeys with their intervals. The caller stops them. */
  startExtraProbes: (journeys: Readonly<Record<string, string>>) => Promise<StartResult>
  /** Processes that exited although nothing stopped them. */
  unexpectedExits: readonly string[]
  stop: () => Promise<void>
}

export type DrillEnvironmentStarted =
  | { state: 'ok'; environment: DrillEnvironment }
  | { state: 'failed'; reason: string }

/** Starts everything. A failure leaves no process running. */
export async function startDrillEnvironment(plan: DrillEnvironmentPlan): Promise<DrillEnvironmentStarted> {
  const unexpectedExits: string[] = []
  const group = new ServiceGroup(({ name, lastOutput }) =>
    unexpectedExits.push(`${name} exited; its last output: ${lastOutput || 'none'}`),
  )
  mkdirSync(plan.folder, { recursive: true })
  try {
    const service = await startServiceUnderTest(plan, group)
    const { prometheusUrl, alertmanagerUrl, receivers } = await startAlerting(plan, service, group)
    const { serviceUrl, pushgatewayUrl, database, api, nodeExporter, exporters } = service
    const environment: DrillEnvironment = {
      database,
      api,
      nodeExporter,
      exporters,
      urls: {
        service: serviceUrl,
        prometheus: prometheusUrl,
        alertmanager: alertmanagerUrl,
        pushgateway: pushgatewayUrl,
      },
      receivers,
      faults: createFaultInjection(serviceUrl, plan.faultsToken, plan.signal),
      startExtraProbes: async (journeys) =>
        startProbes({
          folder: join(plan.folder, 'probes', Object.keys(journeys).join('-')),
          target: serviceUrl,
          journeys,
          signal: plan.signal,
        }),
      unexpectedExits,
      stop: async () => group.stop(),
    }
    return { state: 'ok', environment }
  } catch (error) {
    await group.stop()
    if (error instanceof ServiceNotStarted) return { state: 'failed', reason: error.message }
    throw error
  }
}
