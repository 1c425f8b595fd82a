import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { ServiceGroup, ServiceNotStarted } from '../../../runtime/services/index.ts'
import type { StartResult } from '../../../runtime/services/index.ts'
import { createFaultInjection } from './fault-injection.ts'
import type { FaultInjection } from './fault-injection.ts'
import type { Receivers } from '../../receivers/index.ts'
import { startAlerting } from './alerting.ts'
import type { ConfigurationPlan } from './configuration.ts'
import { startProbes } from './probes.ts'
import { startService } from './service-under-test.ts'
import type { ServiceUnderTest } from './service-under-test.ts'
import type { DrillTools } from './tools.ts'

export interface DrillEnvironmentPlan extends ConfigurationPlan {
  tools: DrillTools
  /** How the service is started; it is told its port, its database, and the token of its faults. */
  service: { command: readonly string[]; cwd: string; env: NodeJS.ProcessEnv; ready: string }
  faultsToken: string
  /** Requests of users per second that the days before are said to have had. */
  usualPerSecond: number
  /** Wall clock. */
  now: () => number
  signal: AbortSignal
}

/** The service with its monitoring, on the faster clock, and what can be done to it. */
export interface DrillEnvironment extends Pick<ServiceUnderTest, 'database' | 'nodeExporter' | 'exporters'> {
  urls: { service: string; prometheus: string; alertmanager: string; pushgateway: string }
  receivers: Receivers
  faults: FaultInjection
  /** Starts further probes: journeys and how often. Whoever starts them ends them. */
  startExtraProbes: (journeys: Readonly<Record<string, string>>) => Promise<StartResult>
  /** What ended although nobody asked it to. */
  unexpectedExits: readonly string[]
  stop: () => Promise<void>
}

export type DrillEnvironmentStarted =
  | { state: 'ok'; environment: DrillEnvironment }
  | { state: 'failed'; reason: string }

/** Starts everything; a failure leaves nothing running. */
export async function startDrillEnvironment(plan: DrillEnvironmentPlan): Promise<DrillEnvironmentStarted> {
  const unexpectedExits: string[] = []
  const group = new ServiceGroup(({ name, lastOutput }) =>
    unexpectedExits.push(`${name} ended by itself; it last wrote: ${lastOutput || 'nothing'}`),
  )
  mkdirSync(plan.folder, { recursive: true })
  try {
    const { serviceUrl, pushgatewayUrl, ...subject } = await startService(plan, group)
    const { prometheusUrl, alertmanagerUrl, sinks } = await startAlerting(
      plan,
      { serviceUrl, pushgatewayUrl, ...subject },
      group,
    )
    const environment: DrillEnvironment = {
      ...subject,
      urls: {
        service: serviceUrl,
        prometheus: prometheusUrl,
        alertmanager: alertmanagerUrl,
        pushgateway: pushgatewayUrl,
      },
      receivers: sinks,
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
