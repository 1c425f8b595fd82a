import type { Engine } from '../../load/index.ts'
import type { SuiteConfig } from '../../config/index.ts'
import type { Session } from './session.ts'

/** An engine ready to load, labelled with its version, or why there is none. */
export type FoundEngine =
  | { state: 'found'; engine: Engine; label: string }
  | { state: 'missing'; reason: string }

/** Engines are imported when they are used: each brings its own libraries. */
export async function findEngine(name: SuiteConfig['engine'], session: Session): Promise<FoundEngine> {
  return name === 'k6' ? findK6(session) : findAutocannon()
}

async function findK6(session: Session): Promise<FoundEngine> {
  const { findTool } = await import('../../runtime/tools/index.ts')
  const tool = await findTool('k6', {
    env: session.world.env,
    progress: session.progress.phase,
    signal: session.world.interrupted,
  })
  if (tool.state === 'missing') return { state: 'missing', reason: `${tool.reason}: ${tool.whatToDo}` }
  const { createK6Engine } = await import('../../load/engines/k6/index.ts')
  session.progress.phase(`k6 ${tool.version}: ${tool.path} (${tool.origin})`)
  return { state: 'found', engine: createK6Engine(tool.path), label: `k6 ${tool.version}` }
}

async function findAutocannon(): Promise<FoundEngine> {
  const { autocannonEngine, autocannonVersion } = await import('../../load/engines/autocannon/index.ts')
  return { state: 'found', engine: autocannonEngine(), label: `autocannon ${autocannonVersion}` }
}
