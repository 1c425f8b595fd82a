import { listPids, readCommandLine } from '../../runtime/processes/index.ts'
import { startRunningClock } from '../../runtime/testing/running-clock.ts'

/** Command lines of the processes on this machine that name `text`, but for zombies. Linux. */
export function processesNaming(text: string): string[] {
  return listPids()
    .map((pid) => readCommandLine(pid).join(' ').trim())
    .filter((line) => line.includes(text))
}

/** Waits until no process names `text`; returns those that still do when time is up. */
export async function leftoversAfter(text: string, withinMs: number): Promise<string[]> {
  const clock = startRunningClock()
  for (;;) {
    const left = processesNaming(text)
    if (left.length === 0 || clock.elapsedMs() > withinMs) return left
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
