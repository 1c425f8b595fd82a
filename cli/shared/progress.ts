import type { LoadProgress } from '../../load/index.ts'
import type { World } from './world.ts'

/** Tells people on stderr what is going on: a live line on a terminal, one line a phase elsewhere. */
export interface Progress {
  /** A new phase; ends the live line. */
  phase: (text: string) => void
  /** Something that must be read, whatever is quiet. */
  warn: (text: string) => void
  /** A load's figures, once a second. */
  load: (progress: LoadProgress) => void
  /** Ends the live line. */
  done: () => void
}

export function progressFor(world: World, quiet: boolean): Progress {
  const live = world.terminal.stderrIsTerminal && !quiet
  let lineOpen = false
  const clear = (): void => {
    if (lineOpen) world.stderr('\r\u001B[2K')
    lineOpen = false
  }
  let phaseTold: LoadProgress['phase'] | undefined
  return {
    phase: (text) => {
      clear()
      phaseTold = undefined
      if (!quiet) world.stderr(`${text}\n`)
    },
    warn: (text) => {
      clear()
      world.stderr(`vigil: ${text}\n`)
    },
    load: (progress) => {
      if (quiet) return
      if (live) {
        world.stderr(`\r\u001B[2K${liveLine(progress).slice(0, Math.max(20, world.terminal.width - 1))}`)
        lineOpen = true
      } else if (progress.phase !== phaseTold) {
        world.stderr(
          `  ${phaseWords[progress.phase]}${progress.secondsLeft > 0 ? `, ${Math.ceil(progress.secondsLeft)} s` : ''}\n`,
        )
      }
      phaseTold = progress.phase
    },
    done: clear,
  }
}

const phaseWords: Record<LoadProgress['phase'], string> = {
  prepare: 'preparing virtual users',
  warmup: 'warming up',
  measure: 'measuring',
  finish: 'finishing',
}

function liveLine(progress: LoadProgress): string {
  const p95 = progress.p95Ms === undefined ? '' : `  p95 ${progress.p95Ms.toPrecision(3)} ms`
  return `  ${phaseWords[progress.phase]}  ${Math.ceil(progress.secondsLeft)} s left  ${Math.round(progress.requestsPerSecond)} req/s${p95}  ${progress.errors} errors`
}
