# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Steps with visible progress: name, elapsed seconds, result. On a terminal the seconds count in place; elsewhere a line
# tells every ten seconds that it still works. Needs common.sh.

steps_ticker=

steps_seconds() {
  local now=${EPOCHREALTIME/[^0-9]/} start=${1/[^0-9]/}
  printf '%d.%d s' $(((now - start) / 1000000)) $(((now - start) / 100000 % 10))
}

steps_tick() {
  local name=$1 start=$SECONDS
  while sleep 1 >/dev/null 2>&1 6>&- 8>&- 9>&-; do
    if [ -t 1 ]; then
      printf '\r  %-28s %3d s' "$name" $((SECONDS - start))
    elif [ $(((SECONDS - start) % 10)) = 0 ]; then
      printf '  %-28s %3d s …\n' "$name" $((SECONDS - start))
    fi
  done
}

steps_abort() {
  [ -z "$steps_ticker" ] || kill "$steps_ticker" 2>/dev/null
  wait "$steps_ticker" 2>/dev/null
  steps_ticker=
}

# step LOG NAME FUNCTION ARGUMENTS...: the output goes to LOG and is shown at its end if the step fails.
step() {
  local log=$1 name=$2 begin=$EPOCHREALTIME status
  shift 2
  steps_tick "$name" 6>&- 8>&- 9>&- &
  steps_ticker=$!
  "$@" >"$log" 2>&1
  status=$?
  steps_abort
  [ ! -t 1 ] || printf '\r'
  if [ "$status" = 0 ]; then
    printf '  %-28s %s\n' "$name" "$(steps_seconds "$begin")"
    return
  fi
  printf '  %-28s failed after %s; the end of %s:\n' "$name" "$(steps_seconds "$begin")" "$log"
  tail -n 30 "$log"
  return "$status"
}

# step_shown NAME FUNCTION ARGUMENTS...: what it says is worth reading while it works.
step_shown() {
  local name=$1 begin=$EPOCHREALTIME status
  shift
  printf '  %s:\n' "$name"
  "$@"
  status=$?
  if [ "$status" = 0 ]; then
    printf '  %-28s %s\n' "$name" "$(steps_seconds "$begin")"
  else
    printf '  %-28s failed after %s (exit %d)\n' "$name" "$(steps_seconds "$begin")" "$status"
  fi
  return "$status"
}
