import type { Drill, DrillResult } from '../../../monitoring/drills/index.ts'
import type { Session } from '../../shared/session.ts'

/** Tells on stderr how far drills are: a live line on a terminal, a line for each that ended everywhere. */
export interface DrillConsole {
  step: (drill: Drill, step: string) => void
  finished: (result: DrillResult) => void
  done: () => void
}

export function drillConsole({ world }: Session, total: number, quiet: boolean): DrillConsole {
  const live = world.terminal.stderrIsTerminal && !quiet
  const running = new Map<string, string>()
  let ended = 0
  const clear = (): void => {
    if (live) world.stderr('\r\u001B[2K')
  }
  const draw = (): void => {
    if (!live) return
    const line = `  ${ended} of ${total}  ${[...running].map(([name, step]) => `${name}: ${step}`).join('  ')}`
    world.stderr(`\r\u001B[2K${line.slice(0, Math.max(20, world.terminal.width - 1))}`)
  }
  return {
    step: ({ requirement }, step) => {
      running.set(requirement, step)
      draw()
    },
    finished: (result) => {
      running.delete(result.requirement)
      ended += 1
      clear()
      if (!quiet) world.stderr(`  ${resultLine(result)}\n`)
      draw()
    },
    done: clear,
  }
}

function resultLine({ requirement, alert, state, hop, why, fireSeconds, deliveredTo }: DrillResult): string {
  const name = `${requirement} ${alert}`
  if (state === 'passed')
    return `ok    ${name}: fired after ${fireSeconds ?? 0} s, delivered to ${deliveredTo.length} ${deliveredTo.length === 1 ? 'receiver' : 'receivers'}`
  return state === 'failed' ? `LOST  ${name}: ${hop ?? ''}: ${why ?? ''}` : `      ${name}: interrupted`
}
