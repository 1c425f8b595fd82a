/** The lines of the problem of what was refused; none of what was read. */
export function refusalLines(read: { state: string; problem?: string }): string[] {
  return read.state === 'invalid' ? (read.problem ?? '').split('\n') : []
}
