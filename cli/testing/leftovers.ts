import { readdirSync, readFileSync } from 'node:fs'

/** Command lines of the processes on this machine that name `text`, but for zombies. Linux. */
export function processesNaming(text: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim()
      } catch {
        return ''
      }
    })
    .filter((line) => line.includes(text))
}

/** Waits until no process names `text`; returns those that still do when time is up. */
export async function leftoversAfter(text: string, withinMs: number): Promise<string[]> {
  const deadline = performance.now() + withinMs
  for (;;) {
    const left = processesNaming(text)
    if (left.length === 0 || performance.now() > deadline) return left
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
