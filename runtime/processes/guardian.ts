import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'

/**
 * A tiny shell that outlives us: while we live its input stays open; when we die, however suddenly, it reads the end of
 * its input and ends the process groups we had told it of. Node offers no parent-death signal, and a SIGKILL runs no
 * handler, so somebody else has to be watching.
 *
 * Protocol, one line each: `+ <pgid>` watch, `- <pgid>` forget. A group is forgotten as soon as its leader was reaped,
 * so that a recycled number is never signalled.
 */
const script = `
groups=" "
while read -r what group; do
  case $what in
    +) groups="$groups$group " ;;
    -) groups="\${groups%% $group *} \${groups#* $group }" ;;
  esac
done
for group in $groups; do kill -s TERM -- "-$group" 2>/dev/null; done
for tick in 1 2 3 4 5 6 7 8 9 10; do
  alive=
  for group in $groups; do kill -s 0 -- "-$group" 2>/dev/null && alive=1; done
  [ -z "$alive" ] && exit 0
  sleep 0.2
done
for group in $groups; do kill -s KILL -- "-$group" 2>/dev/null; done
`

export interface Guardian {
  watch: (group: number) => void
  forget: (group: number) => void
}

let running: { guardian: Guardian; shell: ChildProcess } | undefined

/** The one guardian of this process, started when the first child is. */
export function guardian(): Guardian {
  running ??= start()
  return running.guardian
}

function start(): { guardian: Guardian; shell: ChildProcess } {
  // A session of its own: a Ctrl-C at the terminal must not end the one who cleans up after it.
  const shell = spawn('/bin/sh', ['-c', script], { detached: true, stdio: ['pipe', 'ignore', 'ignore'] })
  shell.on('error', () => undefined)
  shell.stdin.on('error', () => undefined)
  shell.unref()
  // The pipe must not keep our event loop alive either. It is a socket, which the stream's type does not say.
  if ('unref' in shell.stdin && typeof shell.stdin.unref === 'function') shell.stdin.unref()
  const tell = (what: '+' | '-') => (group: number) => {
    shell.stdin.write(`${what} ${group}\n`)
  }
  return { guardian: { watch: tell('+'), forget: tell('-') }, shell }
}
