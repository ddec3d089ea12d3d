# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Background processes that outlive the script that starts them. A record file holds "PID START BOOT": the start time
# of /proc/PID/stat and the boot's id, so that a reused pid, or one of before a reboot, is never taken for ours.
# Knows nothing of what the processes are.

# Prints "STATE PPID START" of a pid. The name in the stat file may hold blanks and brackets, hence the cut at the last one.
process_stat() {
  local stat
  stat=$(cat "/proc/$1/stat" 2>/dev/null) || return
  stat=${stat##*) }
  # shellcheck disable=SC2086 # split into fields on purpose
  set -- $stat
  [ $# -ge 20 ] && printf '%s %s %s\n' "$1" "$2" "${20}"
}

process_boot() { cat /proc/sys/kernel/random/boot_id 2>/dev/null || echo unknown; }

# sw_process_record FILE PID
sw_process_record() {
  local state parent start
  read -r state parent start < <(process_stat "$2") || return
  : "$state" "$parent"
  printf '%s %s %s\n' "$2" "$start" "$(process_boot)" | sw_write "$1"
}

# sw_process_pid FILE: prints the pid if exactly the recorded process lives. One that ended and was not reaped is dead.
sw_process_pid() {
  local pid start boot state parent now
  { read -r pid start boot <"$1"; } 2>/dev/null || return
  read -r state parent now < <(process_stat "$pid") || return
  : "$parent"
  [ "$now" = "$start" ] && [ "$state" != Z ] && [ "$boot" = "$(process_boot)" ] && printf '%s\n' "$pid"
}

sw_process_alive() { sw_process_pid "$1" >/dev/null; }
process_gone() { ! sw_process_alive "$1"; }

# sw_process_launch FILE LOG COMMAND...: runs COMMAND in a session of its own, detached from the terminal and from the
# script's other descriptors (6, and the locks 8 and 9), and records it. COMMAND must exec, not fork, the program that is meant.
sw_process_launch() {
  local record=$1 log=$2 pid
  shift 2
  (umask 077 && : >>"$log") || return
  setsid -- "$@" </dev/null >>"$log" 2>&1 6>&- 8>&- 9>&- &
  pid=$!
  disown "$pid" 2>/dev/null
  sw_process_record "$record" "$pid"
}

# sw_process_signal FILE SIGNAL: to the recorded process if it lives.
sw_process_signal() {
  local pid
  pid=$(sw_process_pid "$1") || return
  kill -s "$2" "$pid" 2>/dev/null
}

# sw_process_stop FILE SIGNAL SECONDS: asks with SIGNAL, waits, then kills. Done when the process is gone, by whatever way.
sw_process_stop() {
  if sw_process_signal "$1" "$2"; then
    # One that is stopped (SIGSTOP) would not see the request.
    sw_process_signal_tree "$1" CONT
    if ! sw_wait_until "$3" process_gone "$1"; then
      sw_warn "process $(sw_process_pid "$1") (${1##*/}) did not end within $3 s after SIG$2: killed"
      sw_process_signal "$1" KILL
      sw_wait_until 10 process_gone "$1" || return "$SW_EX_SOFTWARE"
    fi
  fi
  rm -f "$1"
}

# Prints "PID START" of each child of PID.
process_children() {
  local stat child state parent start
  for stat in /proc/[0-9]*/stat; do
    child=${stat#/proc/}
    child=${child%/stat}
    read -r state parent start < <(process_stat "$child") || continue
    : "$state"
    [ "$parent" != "$1" ] || printf '%s %s\n' "$child" "$start"
  done
}

# sw_process_signal_tree FILE SIGNAL: to the recorded process and its children. After KILL, the way a crash looks, it
# waits until all are gone; the record stays, as after a crash.
sw_process_signal_tree() {
  local pid line
  local -a children
  pid=$(sw_process_pid "$1") || return "$SW_EX_UNAVAILABLE"
  mapfile -t children < <(process_children "$pid")
  kill -s "$2" "$pid" "${children[@]%% *}" 2>/dev/null
  [ "$2" = KILL ] || return 0
  sw_wait_until 10 process_gone "$1" || return "$SW_EX_SOFTWARE"
  for line in "${children[@]}"; do
    sw_wait_until 10 process_changed "${line% *}" "${line#* }" || return "$SW_EX_SOFTWARE"
  done
}

# True when no live process has this pid and start time.
process_changed() {
  local state parent start
  read -r state parent start < <(process_stat "$1") || return 0
  : "$parent"
  [ "$start" != "$2" ] || [ "$state" = Z ]
}
