# Runs PostgreSQL ("$@") while the process at the other end of standard input is alive. When that end closes, however
# the process ended, this shell requests a fast stop of PostgreSQL, and kills it if it does not stop.
exec 3<&0
"$@" 3<&- </dev/null &
server=$!
trap '' INT TERM HUP
(
  # Nothing is ever written to the pipe: reading ends when its last writer has closed it.
  cat <&3 >/dev/null
  kill -INT "$server" 2>/dev/null
  sleep 2
  kill -QUIT "$server" 2>/dev/null
  sleep 1
  kill -KILL "$server" 2>/dev/null
) >/dev/null 2>&1 &
guard=$!
wait "$server"
status=$?
kill -KILL "$guard" 2>/dev/null
exit "$status"
