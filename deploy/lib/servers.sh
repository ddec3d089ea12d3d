# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# The pair of private servers of one state directory DIR: started at the same time, stopped by what was recorded.
# DIR/servers.env names them for their clients. Every function takes a lock on DIR, and an absolute or relative DIR.
# Source it; needs bash, python3, curl, and the packages rabbitmq-server and postgresql.

SW_LIB=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
export SW_LIB
# shellcheck source=deploy/lib/common.sh
. "$SW_LIB/common.sh"
# shellcheck source=deploy/lib/process.sh
. "$SW_LIB/process.sh"
# shellcheck source=deploy/lib/rabbit.sh
. "$SW_LIB/rabbit.sh"
# shellcheck source=deploy/lib/postgres.sh
. "$SW_LIB/postgres.sh"

# servers_locked DIR FUNCTION ARGUMENTS...: runs FUNCTION DIR ARGUMENTS... in a subshell that holds DIR's lock.
servers_locked() {
  local dir function=$2
  dir=$(sw_own_dir "$1") || return
  shift 2
  (
    umask 077
    flock --timeout 300 8 || sw_die "$SW_EX_UNAVAILABLE" "$dir is in use by another command for 300 s"
    "$function" "$dir" "$@"
  ) 8>>"$dir/lock"
}

servers_write_env() {
  local dir=$1 amqp management port rabbit_secret pg_secret
  read -r amqp management _ <"$dir/rabbit/ports" && read -r port <"$dir/pg/port" || return
  rabbit_secret=$(cat "$dir/rabbit/password") && pg_secret=$(cat "$dir/pg/password") || return
  sw_write "$dir/servers.env" <<ENV
SUREWIRE_AMQP_URL='amqp://surewire:$rabbit_secret@127.0.0.1:$amqp/%2F'
SUREWIRE_AMQP_MGMT_URL='http://surewire:$rabbit_secret@127.0.0.1:$management'
SUREWIRE_PG='postgresql://surewire:$pg_secret@127.0.0.1:$port/surewire'
ENV
}

# Together, since RabbitMQ takes 8 seconds. What this call started is stopped again if the other one fails.
servers_start() {
  local dir=$1 rabbit_pid rabbit_status pg_status had_rabbit='' had_pg=''
  sw_process_alive "$dir/rabbit/record" && had_rabbit=1
  sw_process_alive "$dir/pg/record" && had_pg=1
  rabbit_start "$dir" &
  rabbit_pid=$!
  pg_start "$dir"
  pg_status=$?
  wait "$rabbit_pid"
  rabbit_status=$?
  if [ "$pg_status" = 0 ] && [ "$rabbit_status" = 0 ]; then
    servers_write_env "$dir"
    return
  fi
  [ -n "$had_rabbit" ] || rabbit_stop "$dir"
  [ -n "$had_pg" ] || pg_stop "$dir"
  return "$SW_EX_UNAVAILABLE"
}

servers_stop() {
  local dir=$1 purge=${2:-} rabbit_pid status=0
  # Data that is thrown away needs no clean end.
  rabbit_stop "$dir" ${purge:+KILL} &
  rabbit_pid=$!
  pg_stop "$dir" ${purge:+QUIT} || status=$?
  wait "$rabbit_pid" || status=$?
  [ "$status" = 0 ] || return "$status"
  rm -f "$dir/servers.env"
  if [ "$purge" = purge ]; then
    pg_remove "$dir" && rm -rf -- "$dir/rabbit" "$dir/pg"
  fi
}

# sw_servers_start DIR: both are ready when it returns 0. Starts what does not run, leaves what does.
sw_servers_start() { servers_locked "$1" servers_start; }

# sw_servers_stop DIR [purge]: ends what was started for DIR; with purge its data goes too, also that outside DIR.
sw_servers_stop() {
  [ -d "$1" ] || return 0
  servers_locked "$1" servers_stop "${2:-}"
}

# sw_servers_status DIR: a line for each; 0 if both are ready, 3 if not.
sw_servers_status() {
  local dir=$1 status=0 server pid ports
  for server in rabbit pg; do
    ports=$(cat "$dir/$server/ports" "$dir/$server/port" 2>/dev/null)
    if ! pid=$(sw_process_pid "$dir/$server/record"); then
      sw_say "$server stopped"
      status=3
    elif "${server}_ready" "$dir/$server"; then
      sw_say "$server ready pid=$pid port=${ports%% *}"
    else
      sw_say "$server not-ready pid=$pid port=${ports%% *}"
      status=3
    fi
  done
  return "$status"
}

# One of the two alone, for tests: NAME is rabbit or pg. Ports and data stay.
servers_kill_one() { sw_process_signal_tree "$1/$2/record" KILL; }
servers_restart_one() { "$2_stop" "$1" && "$2_start" "$1" && servers_write_env "$1"; }
sw_servers_kill() { servers_locked "$1" servers_kill_one "$2"; }
sw_servers_restart() { servers_locked "$1" servers_restart_one "$2"; }

# sw_servers_signal DIR NAME SIGNAL: STOP and CONT make a server hang and go on.
sw_servers_signal() { sw_process_signal_tree "$1/$2/record" "$3"; }

# sw_servers_ctl DIR ARGUMENTS...: rabbitmqctl on the private node.
sw_servers_ctl() {
  local dir
  dir=$(sw_own_dir "$1") || return
  shift
  (rabbit_run "$dir/rabbit" "$RABBIT_BIN/rabbitmqctl" "$@")
}
