# Runs PostgreSQL ("$@") for as long as the process that holds the other end of our standard input lives. When that
# end closes, however the process ended, PostgreSQL is asked to stop at once, and made to if it does not.
exec 3<&0
"$@" 3<&- </dev/null &
server=$!
trap '' INT TERM HUP
(
  # Nothing is ever written to the pipe: reading ends when its last writer is gone.
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
