import { spawn } from 'node:child_process'
import { toChildEnvironment } from './environment.ts'

/**
 * A small shell that outlives this process. While this process lives, the shell's input stays open; when this
 * process ends, even by SIGKILL, the shell reads the end of its input and ends the process groups that it
 * watches. Node has no parent-death signal, and a SIGKILL runs no handler, so another process has to do it.
 *
 * Protocol, one command a line: `+ <pgid>` watch, `- <pgid>` forget. A group is forgotten as soon as its
 * leader has been reaped, so that a reused number never gets a signal.
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

let running: Guardian | undefined

/** The only guardian of this process, started with the first child. */
export function guardian(): Guardian {
  running ??= startGuardian()
  return running
}

function startGuardian(): Guardian {
  // In a session of its own: Ctrl-C at the terminal must not end it before it has cleaned up.
  const shell = spawn('/bin/sh', ['-c', script], {
    env: toChildEnvironment(process.env),
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  shell.on('error', () => undefined)
  shell.stdin.on('error', () => undefined)
  shell.unref()
  // The pipe must not keep the event loop alive either. It is a socket, which the stream's type does not
  // show.
  if ('unref' in shell.stdin && typeof shell.stdin.unref === 'function') shell.stdin.unref()
  const send = (command: '+' | '-') => (group: number) => {
    shell.stdin.write(`${command} ${group}\n`)
  }
  return { watch: send('+'), forget: send('-') }
}
