# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# A private RabbitMQ node under DIR/rabbit, run by the calling user: own ports, cookie, epmd and password, and nothing
# of the system's configuration. Debian's /usr/sbin wrapper is not used: it insists on the user rabbitmq.
# Files: record, epmd.record, ports ("AMQP MANAGEMENT EPMD DISTRIBUTION"), node, password, rabbitmq.conf, log/, mnesia/.

RABBIT_BIN=/usr/lib/rabbitmq/bin
RABBIT_START_SECONDS=120

# Node name and password stay what they were: the data belongs to them.
rabbit_prepare() {
  local home=$1
  sw_own_dir "$home" >/dev/null && sw_own_dir "$home/home" >/dev/null && mkdir -p "$home/mnesia" "$home/log" || return
  [ -s "$home/password" ] || sw_secret | sw_write "$home/password" || return
  [ -s "$home/node" ] || printf 'surewire%s@localhost\n' "$(sw_secret | head -c 8)" | sw_write "$home/node" || return
  if ! [ -s "$home/home/.erlang.cookie" ]; then
    sw_secret | sw_write "$home/home/.erlang.cookie" && chmod 400 "$home/home/.erlang.cookie" || return
  fi
  printf '[rabbitmq_management].\n' | sw_write "$home/enabled_plugins" && : | sw_write "$home/env.conf"
}

# A message that leaves a delay queue while the broker or its target queue fails is sent there again after this time, by
# default after 180 s: so late a check or a retry would be.
rabbit_write_advanced() {
  [ -e "$1/advanced.config" ] ||
    printf '[{rabbit, [{dead_letter_worker_publisher_confirm_timeout, 20000}]}].\n' | sw_write "$1/advanced.config"
}

rabbit_write_conf() {
  local home=$1 amqp management epmd dist
  rabbit_write_advanced "$home" || return
  read -r amqp management epmd dist <"$home/ports" || return
  : "$epmd" "$dist"
  sw_write "$home/rabbitmq.conf" <<CONF
listeners.tcp.1 = 127.0.0.1:$amqp
management.tcp.ip = 127.0.0.1
management.tcp.port = $management
default_user = surewire
default_pass = $(cat "$home/password")
loopback_users = none
heartbeat = 10
disk_free_limit.absolute = 50MB
# The write-ahead log of the quorum queues rolls over at 512 MB by default, all of it in memory. What was in it is then
# written once more, by queue, and that holds up everybody: rather often and short (docs/performance.md).
raft.wal_max_size_bytes = 8000000
log.console = false
log.file.level = info
CONF
}

# The Erlang machine spins for a while before it sleeps, on a core that others here could use (docs/performance.md).
RABBIT_NO_BUSY_WAIT='+sbwt none +sbwtdcpu none +sbwtdio none'

# rabbit_run HOME COMMAND...: replaces the shell by COMMAND, with an environment that names this node and nothing else.
rabbit_run() {
  local home=$1 amqp management epmd dist
  shift
  read -r amqp management epmd dist <"$home/ports" || return
  : "$management"
  cd / || return
  # RUNNING_UNDER_SYSTEMD makes the start script exec the Erlang machine, so that the recorded pid is the server's.
  exec env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 HOME="$home/home" \
    RUNNING_UNDER_SYSTEMD=true \
    RABBITMQ_CONF_ENV_FILE="$home/env.conf" RABBITMQ_NODENAME="$(cat "$home/node")" \
    RABBITMQ_NODE_IP_ADDRESS=127.0.0.1 RABBITMQ_NODE_PORT="$amqp" RABBITMQ_DIST_PORT="$dist" \
    ERL_EPMD_PORT="$epmd" ERL_EPMD_ADDRESS=127.0.0.1 \
    RABBITMQ_CTL_DIST_PORT_MIN=$((dist + 1)) RABBITMQ_CTL_DIST_PORT_MAX=$((dist + 20)) \
    RABBITMQ_MNESIA_BASE="$home/mnesia" RABBITMQ_LOG_BASE="$home/log" RABBITMQ_PID_FILE="$home/erlang.pid" \
    RABBITMQ_CONFIG_FILE="$home/rabbitmq.conf" RABBITMQ_ADVANCED_CONFIG_FILE="$home/advanced.config" \
    RABBITMQ_ENABLED_PLUGINS_FILE="$home/enabled_plugins" \
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="+S 2:2 $RABBIT_NO_BUSY_WAIT -kernel inet_dist_use_interface {127,0,0,1}" \
    "$@"
}

# rabbit_api HOME PATH: GET on the management API. The password goes in by stdin, not by the command line.
rabbit_api() {
  local home=$1 amqp management
  read -r amqp management _ <"$home/ports" || return
  : "$amqp"
  printf 'user = "surewire:%s"\n' "$(cat "$home/password")" |
    curl --config - --noproxy '*' --silent --fail --max-time 5 "http://127.0.0.1:$management/api/$2"
}

# The management plugin starts last; that the AMQP listener is up is asked as well, since it is the one that matters.
rabbit_ready() {
  local amqp
  read -r amqp _ <"$1/ports" && rabbit_api "$1" "health/checks/port-listener/$amqp" >/dev/null 2>&1
}

rabbit_ready_or_dead() { rabbit_ready "$1" || ! sw_process_alive "$1/record"; }

rabbit_start_epmd() {
  local home=$1 epmd
  sw_process_alive "$home/epmd.record" && return
  read -r _ _ epmd _ <"$home/ports" || return
  # In the foreground (no -daemon), so that its pid is known; Erlang would start one that nobody owns.
  sw_process_launch "$home/epmd.record" "$home/log/epmd.log" \
    env -i PATH="$PATH" HOME="$home/home" epmd -port "$epmd" -address 127.0.0.1
}

# One attempt with the ports as recorded: 0 ready, 1 ended or never became ready.
rabbit_try() {
  local home=$1
  rabbit_write_conf "$home" && rabbit_start_epmd "$home" || return
  # shellcheck disable=SC2016 # expanded by the inner shell
  sw_process_launch "$home/record" "$home/log/start.log" \
    bash -c '. "$1/common.sh" && . "$1/rabbit.sh" && rabbit_run "$2" "$RABBIT_BIN/rabbitmq-server"' \
    rabbit "$SW_LIB" "$home" || return
  sw_wait_until "$RABBIT_START_SECONDS" rabbit_ready_or_dead "$home" && rabbit_ready "$home" && return
  return 1
}

rabbit_pick_ports() { sw_free_ports 4 0 2 | sw_write "$1/ports"; }

# rabbit_start DIR: the ports of the last time if they are free (clients keep their URL), else others.
rabbit_start() {
  local home=$1/rabbit attempt mark
  local -a ports=()
  [ -x "$RABBIT_BIN/rabbitmq-server" ] || {
    sw_warn "$RABBIT_BIN/rabbitmq-server is missing: install the package rabbitmq-server"
    return "$SW_EX_UNAVAILABLE"
  }
  rabbit_prepare "$home" || return
  if sw_process_alive "$home/record"; then
    sw_wait_until "$RABBIT_START_SECONDS" rabbit_ready_or_dead "$home"
    rabbit_ready "$home" && return
  fi
  rabbit_stop "$1" || return
  { read -ra ports <"$home/ports"; } 2>/dev/null
  [ ${#ports[@]} = 4 ] && sw_ports_free "${ports[@]}" || rabbit_pick_ports "$home" || return
  for attempt in 1 2 3 4; do
    mark=$(cat "$home/log/"*.log 2>/dev/null | wc -c)
    rabbit_try "$home" && return
    # Another program may have taken a port between the choice and the bind; only that is worth another attempt.
    cat "$home/log/"*.log | tail -c +"$((mark + 1))" | grep -q -e eaddrinuse -e 'Address already in use' || break
    sw_warn "RabbitMQ found one of its ports taken (attempt $attempt): choosing others"
    rabbit_stop "$1" && rabbit_pick_ports "$home" || return
  done
  sw_warn "RabbitMQ did not start; the end of its log ($home/log):"
  tail -qn 15 "$home/log/"*.log >&2
  rabbit_stop "$1"
  return "$SW_EX_UNAVAILABLE"
}

# rabbit_stop DIR [SIGNAL]: the node, then its epmd. TERM is a clean stop of some six seconds.
rabbit_stop() {
  sw_process_stop "$1/rabbit/record" "${2:-TERM}" 60 && sw_process_stop "$1/rabbit/epmd.record" TERM 5
}
