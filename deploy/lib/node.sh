# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# The two Surewire processes of deploy/up, the stand-ins and the node, in the state directory RUN. Everything that knows
# the program's command line is here. Needs common.sh, process.sh, config.sh.
# Files: node.ports, surewire.ini, up.env, sim.record, serve.record, log/.

NODE_READY_SECONDS=60
NODE_DRAIN_SECONDS=40

node_bin() {
  local path
  for path in "$1/build/src/app/surewire" "$1/build/bin/surewire" "$1/build/surewire"; do
    [ -x "$path" ] && printf '%s\n' "$path" && return
  done
  sw_warn "the build made no program surewire in $1/build"
  return "$SW_EX_SOFTWARE"
}

node_chat_command() { printf '%s chat --as %s' "\"\$SUREWIRE_BIN\"" "$1"; }

# node_clean COMMAND...: without the SUREWIRE_ variables of a shell that ran `eval "$(deploy/up env)"`: the program takes
# SUREWIRE_SECTION_KEY as configuration, and here the file alone counts.
node_clean() {
  local name
  local -a without=()
  for name in $(compgen -e SUREWIRE_); do
    without+=("--unset=$name")
  done
  printf '%s\0' env "${without[@]}" "$@"
}

node_migrate() {
  local -a command
  mapfile -d '' -t command < <(node_clean "$(node_bin "$1")" --config="$1/surewire.ini" migrate)
  "${command[@]}"
}

# Keeps the ports while something uses them, and while they are free.
node_ports() {
  local -a ports=()
  { read -ra ports <"$1/node.ports"; } 2>/dev/null
  [ ${#ports[@]} = 9 ] && { node_any_runs "$1" || sw_ports_free "${ports[@]}"; } && return
  sw_free_ports 9 0 1 | sw_write "$1/node.ports"
}

NODE_DIGEST_INTERVAL=3s # so that whoever tries it out sees the second mail too, which by default comes after 15 minutes

# Needs the servers' variables in the environment. Writes surewire.ini and up.env.
node_configure() {
  local run=$1 bin gateway admin apns fcm smtp control huawei webpush webhook name
  bin=$(node_bin "$run") && sw_config_write "$run/surewire.ini" "$run/keys" "$(cat "$run/node.ports")" \
    "push.email.digest_interval=$NODE_DIGEST_INTERVAL" || return
  read -r gateway admin apns fcm smtp control huawei webpush webhook <"$run/node.ports"
  local -A value=(
    [SUREWIRE_URL]=http://127.0.0.1:$gateway [SUREWIRE_WS]=ws://127.0.0.1:$gateway/v1/ws
    [SUREWIRE_ADMIN_URL]=http://127.0.0.1:$admin [SUREWIRE_ADMIN_TOKEN]=$(cat "$run/keys/admin.token")
    [SUREWIRE_AMQP_URL]=$SUREWIRE_AMQP_URL [SUREWIRE_AMQP_MGMT_URL]=$SUREWIRE_AMQP_MGMT_URL
    [SUREWIRE_PG]=$SUREWIRE_PG [SUREWIRE_CONFIG]=$run/surewire.ini [SUREWIRE_BIN]=$bin
    [SUREWIRE_SIM_APNS]=https://localhost:$apns [SUREWIRE_SIM_FCM]=https://localhost:$fcm
    [SUREWIRE_SIM_HUAWEI]=https://localhost:$huawei [SUREWIRE_SIM_WEBPUSH]=https://localhost:$webpush
    [SUREWIRE_SIM_WEBHOOK]=https://localhost:$webhook/hook/
    [SUREWIRE_SIM_SMTP]=smtp://localhost:$smtp [SUREWIRE_SIM_CONTROL]=http://127.0.0.1:$control
    [SUREWIRE_SIM_CA]=$run/keys/tls/ca.pem
  )
  for name in "${!value[@]}"; do
    printf '%s=%s\n' "$name" "$(sw_quote "${value[$name]}")"
  done | sort | sw_write "$run/up.env"
}

node_any_runs() { sw_process_alive "$1/sim.record" || sw_process_alive "$1/serve.record"; }

# node_current RUN NAME: it lives, and neither program nor configuration changed since it was started.
node_current() {
  local path
  sw_process_alive "$1/$2.record" || return
  for path in "$(node_bin "$1")" "$1/surewire.ini" "$1/surewire.ini.d/"*; do
    [ ! "$path" -nt "$1/$2.record" ] || return
  done
}

# The node says by its status whether it is ready; for the stand-ins it is enough that they answer.
node_ready() {
  case $1 in
  serve) curl --silent --fail --noproxy '*' --max-time 2 --output /dev/null "$2/readyz" ;;
  sim) curl --silent --noproxy '*' --max-time 2 --output /dev/null "$2/" ;;
  esac
}
node_ready_or_dead() { node_ready "$2" "$3" || ! sw_process_alive "$1"; }

# node_start RUN NAME URL ARGUMENTS...
node_start() {
  local run=$1 name=$2 url=$3 bin
  local -a command
  shift 3
  if node_current "$run" "$name" && node_ready "$name" "$url"; then
    sw_say "$name runs already"
    return
  fi
  sw_process_stop "$run/$name.record" TERM "$NODE_DRAIN_SECONDS" && bin=$(node_bin "$run") || return
  mapfile -d '' -t command < <(node_clean "$bin" "$@")
  sw_process_launch "$run/$name.record" "$run/log/$name.log" "${command[@]}" || return
  sw_wait_until "$NODE_READY_SECONDS" node_ready_or_dead "$run/$name.record" "$name" "$url"
  node_ready "$name" "$url" && return
  sw_say "$name is not ready: it ended, or $url does not say so; the end of $run/log/$name.log:"
  tail -n 20 "$run/log/$name.log"
  # A node that lives but is not ready says why.
  curl --silent --noproxy '*' --max-time 2 "$url/readyz"
  return "$SW_EX_UNAVAILABLE"
}

node_start_sim() {
  local control
  local -a arguments
  mapfile -t arguments < <(sw_config_sim "$1/surewire.ini" "$1/keys" "$(cat "$1/node.ports")")
  read -r _ _ _ _ _ control _ <"$1/node.ports" && node_start "$1" sim "http://127.0.0.1:$control" sim "${arguments[@]}"
}

node_start_serve() {
  local admin
  read -r _ admin _ <"$1/node.ports" &&
    node_start "$1" serve "http://127.0.0.1:$admin" --config="$1/surewire.ini" serve
}

# The node first: it drains, and still pushes to the stand-ins while it does.
node_stop() {
  sw_process_stop "$1/serve.record" TERM "$NODE_DRAIN_SECONDS" && sw_process_stop "$1/sim.record" TERM 10
}

# node_status RUN: a line for each; 0 if both are ready.
node_status() {
  local run=$1 status=0 name pid port admin control
  { read -r _ admin _ _ _ control _ <"$run/node.ports"; } 2>/dev/null
  for name in serve:${admin:-} sim:${control:-}; do
    port=${name#*:} name=${name%:*}
    if ! pid=$(sw_process_pid "$run/$name.record"); then
      sw_say "$name stopped"
      status=3
    elif node_ready "$name" "http://127.0.0.1:$port"; then
      sw_say "$name ready pid=$pid port=$port"
    else
      sw_say "$name not-ready pid=$pid port=$port"
      status=3
    fi
  done
  return "$status"
}
