import { planPinning } from '../../../load/duet/index.ts'
import type { DuetWorld } from '../../../load/duet/index.ts'
import type { Session } from '../../shared/session.ts'
import { abProgress } from './progress.ts'

/** What a duet of this session may use of the world. */
export async function duetWorld(
  session: Session,
  k6: string,
  { scratch, logs, quiet }: { scratch: string; logs: string; quiet: boolean },
): Promise<DuetWorld> {
  const { world } = session
  return {
    k6,
    env: world.env,
    signal: world.interrupted,
    monotonicMs: () => performance.now(),
    wallMs: world.now,
    random: world.random,
    pinning: await planPinning(world.pid),
    scratch,
    logs,
    progress: abProgress(session, quiet),
  }
}
