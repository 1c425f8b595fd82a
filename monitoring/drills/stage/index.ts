import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { faultInjection } from '../faults/injected.ts'
import type { FaultInjection } from '../faults/injected.ts'
import type { Receivers } from '../../receivers/index.ts'
import { startAlerting } from './alerting.ts'
import type { ConfigurationPlan } from './configuration.ts'
import { keeping, NotUp } from './keeping.ts'
import { startProbes } from './probes.ts'
import type { ProbesStarted } from './probes.ts'
import { startSubject } from './subject.ts'
import type { Subject } from './subject.ts'
import type { StageTools } from './tools.ts'

export interface StagePlan extends ConfigurationPlan {
  tools: StageTools
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
export interface Stage extends Pick<Subject, 'database' | 'nodeExporter' | 'standIns'> {
  urls: { service: string; prometheus: string; alertmanager: string; pushgateway: string }
  sinks: Receivers
  faults: FaultInjection
  /** Starts further probes: journeys and how often. Whoever starts them ends them. */
  alsoProbe: (journeys: Readonly<Record<string, string>>) => Promise<ProbesStarted>
  /** What ended although nobody asked it to. */
  casualties: readonly string[]
  stop: () => Promise<void>
}

export type StageStarted = { state: 'up'; stage: Stage } | { state: 'failed'; reason: string }

/** Starts everything; a failure leaves nothing running. */
export async function startStage(plan: StagePlan): Promise<StageStarted> {
  const keep = keeping()
  mkdirSync(plan.folder, { recursive: true })
  try {
    const { serviceUrl, pushgatewayUrl, ...subject } = await startSubject(plan, keep)
    const { prometheusUrl, alertmanagerUrl, sinks } = await startAlerting(
      plan,
      { serviceUrl, pushgatewayUrl, ...subject },
      keep,
    )
    const stage: Stage = {
      ...subject,
      urls: {
        service: serviceUrl,
        prometheus: prometheusUrl,
        alertmanager: alertmanagerUrl,
        pushgateway: pushgatewayUrl,
      },
      sinks,
      faults: faultInjection(serviceUrl, plan.faultsToken, plan.signal),
      alsoProbe: async (journeys) =>
        startProbes({
          folder: join(plan.folder, 'probes', Object.keys(journeys).join('-')),
          target: serviceUrl,
          journeys,
          signal: plan.signal,
        }),
      casualties: keep.casualties,
      stop: keep.stop,
    }
    return { state: 'up', stage }
  } catch (error) {
    await keep.stop()
    if (error instanceof NotUp) return { state: 'failed', reason: error.message }
    throw error
  }
}
