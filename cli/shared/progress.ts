import { amount } from '../../baselines/index.ts'
import type { LoadProgress } from '../../load/index.ts'
import type { World } from './world.ts'

/** Shows on stderr what is going on: a live line on a terminal, one line per phase elsewhere. */
export interface Progress {
  /** Whether there is a live line: stderr is a terminal, and `--quiet` was not given. */
  isLive: boolean
  /** A new phase; clears the live line. */
  phase: (text: string) => void
  /** Something that must be read, even with `--quiet`. */
  warn: (text: string) => void
  /** A line that a user script printed, cleaned. */
  script: (line: string) => void
  /** Figures of a load, once per second. */
  load: (progress: LoadProgress) => void
  /** Replaces the live line, where there is one. */
  draw: (text: string) => void
  /** Clears the live line. */
  done: () => void
  /** The world's streams, with the live line cleared before each text: nothing is printed behind it. */
  streams: Pick<World, 'stdout' | 'stderr'>
}

export function createProgress({ stdout, stderr, terminal, env }: World, quiet: boolean): Progress {
  const isLive = terminal.stderrIsTerminal && env['TERM'] !== 'dumb' && !quiet
  let lineOpen = false
  const done = (): void => {
    if (lineOpen) stderr('\r\u001B[2K')
    lineOpen = false
  }
  const draw = (text: string): void => {
    if (!isLive) return
    stderr(`\r\u001B[2K${text.slice(0, Math.max(20, terminal.width - 1))}`)
    lineOpen = true
  }
  let printedPhase: string | undefined
  return {
    isLive,
    phase: (text) => {
      done()
      printedPhase = undefined
      if (!quiet) stderr(`${text}\n`)
    },
    warn: (text) => {
      done()
      stderr(`vigil: ${text}\n`)
    },
    script: (line) => {
      done()
      if (!quiet) stderr(`  | ${line}\n`)
    },
    load: (progress) => {
      const name = progress.waiting?.what ?? phaseNames[progress.phase]
      if (isLive) draw(loadLine(progress))
      else if (!quiet && name !== printedPhase)
        stderr(`  ${name}${progress.secondsLeft > 0 ? `, ${Math.ceil(progress.secondsLeft)} s` : ''}\n`)
      printedPhase = name
    },
    draw,
    done,
    streams: {
      stdout: (text) => {
        done()
        stdout(text)
      },
      stderr: (text) => {
        done()
        stderr(text)
      },
    },
  }
}

const phaseNames: Record<LoadProgress['phase'], string> = {
  prepare: 'preparing virtual users',
  warmup: 'warming up',
  measure: 'measuring',
  finish: 'finishing',
}

function loadLine({ phase, secondsLeft, requestsPerSecond, p95Ms, errors, waiting }: LoadProgress): string {
  if (waiting !== undefined) return `  ${waiting.what}  ${waiting.detail}`
  const p95 = p95Ms === undefined ? '' : `  p95 ${amount('ms', p95Ms)}`
  // How long a user's script will last may be unknown.
  const left = secondsLeft > 0 ? `${Math.ceil(secondsLeft)} s left  ` : ''
  const rate = `${Math.round(requestsPerSecond)} req/s`
  return `  ${phaseNames[phase]}  ${left}${rate}${p95}  ${errors} errors`
}
