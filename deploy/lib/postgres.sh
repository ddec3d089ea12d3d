# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# A private PostgreSQL under DIR/pg, on a loopback port, with a generated password. PostgreSQL refuses to run as root:
# then it runs as the package's user postgres, with its data in a fresh directory under /var/tmp that this user can
# enter (a checkout may be closed to it); DIR/pg/place names that directory.
# Files: record, port, password, passfile, place, server.log.

PG_USER=postgres
PG_START_SECONDS=60
PG_NEEDED=15

pg_is_root() { [ "$(id -u)" = 0 ]; }

# pg_as COMMAND...: replaces the shell by COMMAND, run by the user that owns the data.
pg_as() {
  cd / || return
  if pg_is_root; then
    exec setpriv --reuid="$PG_USER" --regid="$PG_USER" --init-groups --reset-env -- "$@"
  else
    exec "$@"
  fi
}

# pg_write FILE: stdin into a file of the data's owner.
# shellcheck disable=SC2016 # expanded by the inner shell
pg_write() { (pg_as sh -c 'umask 077 && cat >"$1"' sh "$1"); }

# pg_bin PLACE: prints the folder of programs that fits the data, or the newest installed one.
pg_bin() {
  local version=
  if [ -e "$1/data/PG_VERSION" ]; then
    version=$(cat "$1/data/PG_VERSION")
  else
    version=$(cd /usr/lib/postgresql 2>/dev/null && printf '%s\n' [0-9]* | sort -n | tail -n 1)
  fi
  if [ "${version:-0}" -ge "$PG_NEEDED" ] 2>/dev/null && [ -x "/usr/lib/postgresql/$version/bin/postgres" ]; then
    printf '/usr/lib/postgresql/%s/bin\n' "$version"
    return
  fi
  sw_warn "PostgreSQL ${version:-$PG_NEEDED} (at least $PG_NEEDED) is missing in /usr/lib/postgresql: install the package postgresql"
  return "$SW_EX_UNAVAILABLE"
}

# pg_place HOME: prints the directory that holds data and socket; makes it when there is none, or when it vanished.
pg_place() {
  local home=$1 place
  if ! pg_is_root; then
    (umask 077 && mkdir -p "$home/place.d/socket") && printf '%s\n' "$home/place.d"
    return
  fi
  place=$(cat "$home/place" 2>/dev/null)
  if [ -n "$place" ] && [ "$(stat -c %U "$place" 2>/dev/null)" = "$PG_USER" ]; then
    printf '%s\n' "$place"
    return
  fi
  getent passwd "$PG_USER" >/dev/null || {
    sw_warn "as root PostgreSQL needs the user $PG_USER: install the package postgresql"
    return "$SW_EX_UNAVAILABLE"
  }
  place=$(mktemp -d /var/tmp/surewire-pg.XXXXXXXX) && printf '%s\n' "$place" | sw_write "$home/place" &&
    chown "$PG_USER:" "$place" && (pg_as mkdir -m 700 "$place/socket") && printf '%s\n' "$place"
}

# Made aside and renamed, so that an interrupted initdb leaves no half of a database.
pg_init() {
  local home=$1 place=$2 bin=$3
  [ -e "$place/data/PG_VERSION" ] && return
  [ -s "$home/password" ] || sw_secret | sw_write "$home/password" || return
  (pg_as rm -rf "$place/data.new" "$place/data" "$place/password") || return
  pg_write "$place/password" <"$home/password" || return
  (pg_as "$bin/initdb" --pgdata="$place/data.new" --username=surewire --pwfile="$place/password" \
    --auth-local=scram-sha-256 --auth-host=scram-sha-256 --encoding=UTF8 --locale=C.UTF-8) >>"$home/server.log" 2>&1 8>&- 9>&-
  local status=$?
  (pg_as rm -f "$place/password")
  if [ "$status" != 0 ]; then
    sw_warn "initdb failed; the end of $home/server.log:"
    tail -n 15 "$home/server.log" >&2
    return "$SW_EX_UNAVAILABLE"
  fi
  printf "include 'surewire.conf'\n" | (pg_as tee -a "$place/data.new/postgresql.conf") >/dev/null &&
    (pg_as mv "$place/data.new" "$place/data")
}

# An eighth of the memory, in MB: what a busy writer makes dirty is then written by the checkpoint, not by the writer itself.
pg_shared_buffers() {
  local kib mib
  kib=$(sed -n 's/^MemTotal: *\([0-9]*\) kB$/\1/p' /proc/meminfo)
  mib=$((${kib:-0} / 8192))
  printf '%sMB\n' "$((mib < 128 ? 128 : mib > 1024 ? 1024 : mib))"
}

pg_write_conf() {
  local place=$1 port=$2 socket=$1/socket
  # The path of a Unix socket has at most 107 bytes; a deep checkout does without one.
  [ "$((${#socket} + 20))" -le 107 ] || socket=
  pg_write "$place/data/surewire.conf" <<CONF
listen_addresses = '127.0.0.1'
port = $port
unix_socket_directories = '$socket'
max_connections = 100
shared_buffers = $(pg_shared_buffers)
synchronous_commit = on
wal_compression = lz4
max_wal_size = 4GB
logging_collector = off
log_line_prefix = '%m [%p] '
CONF
}

# The client of the calling user. The password comes from a file, not from the command line.
pg_psql() {
  local home=$1 port
  shift
  read -r port <"$home/port" || return
  PGPASSFILE=$home/passfile PGCONNECT_TIMEOUT=5 psql --no-psqlrc --no-password --quiet --tuples-only --no-align \
    --host=127.0.0.1 --port="$port" --username=surewire --set=ON_ERROR_STOP=1 "$@"
}

pg_ready() { pg_psql "$1" --dbname=postgres --command='SELECT 1' >/dev/null 2>&1; }
pg_ready_or_dead() { pg_ready "$1" || ! sw_process_alive "$1/record"; }

# After a crash the lock files of data and socket stay behind, and PostgreSQL would not start if their pid exists again,
# or still as a process that nobody reaped. They are removed unless that pid is a live postgres; that nobody else uses
# the data is still checked by the server, by its shared memory.
pg_drop_stale_locks() {
  local place=$1 pid state=
  pid=$( (pg_as head -n 1 "$place/data/postmaster.pid") 2>/dev/null) && [ -n "$pid" ] || return 0
  read -r state _ < <(process_stat "$pid")
  if [ "$state" = Z ] || [ "$(cat "/proc/$pid/comm" 2>/dev/null)" != postgres ]; then
    (pg_as find "$place/data/postmaster.pid" "$place/socket" -name 'postmaster.pid' -delete -o -name '.s.PGSQL.*' -delete)
  fi
}

pg_try() {
  local home=$1 place=$2 bin=$3 port
  read -r port <"$home/port" || return
  pg_write_conf "$place" "$port" && pg_drop_stale_locks "$place" || return
  printf '127.0.0.1:*:*:surewire:%s\n' "$(cat "$home/password")" | sw_write "$home/passfile" || return
  # shellcheck disable=SC2016 # expanded by the inner shell
  sw_process_launch "$home/record" "$home/server.log" \
    bash -c '. "$1/common.sh" && . "$1/postgres.sh" && pg_as "$2/postgres" -D "$3/data"' postgres "$SW_LIB" "$bin" "$place" ||
    return
  sw_wait_until "$PG_START_SECONDS" pg_ready_or_dead "$home" && pg_ready "$home"
}

pg_create_database() {
  local exists
  exists=$(pg_psql "$1" --dbname=postgres --command="SELECT 1 FROM pg_database WHERE datname = 'surewire'") || return
  [ -n "$exists" ] || pg_psql "$1" --dbname=postgres --command='CREATE DATABASE surewire'
}

# pg_start DIR
pg_start() {
  local home=$1/pg place bin port='' attempt mark
  sw_own_dir "$home" >/dev/null && place=$(pg_place "$home") && bin=$(pg_bin "$place") || return
  if sw_process_alive "$home/record"; then
    sw_wait_until "$PG_START_SECONDS" pg_ready_or_dead "$home"
    pg_ready "$home" && return
  fi
  pg_stop "$1" && (umask 077 && : >>"$home/server.log") && pg_init "$home" "$place" "$bin" || return
  { read -r port <"$home/port"; } 2>/dev/null
  [ -n "$port" ] && sw_ports_free "$port" || sw_free_ports 1 1 2 | sw_write "$home/port" || return
  for attempt in 1 2 3 4; do
    mark=$(wc -c <"$home/server.log")
    pg_try "$home" "$place" "$bin" && pg_create_database "$home" && return
    pg_stop "$1" || return
    case $(tail -c +"$((mark + 1))" "$home/server.log") in
    *'Address already in use'*)
      sw_warn "PostgreSQL found its port taken (attempt $attempt): choosing another"
      sw_free_ports 1 1 2 | sw_write "$home/port" || return
      ;;
    # Children of a killed server that have not noticed yet.
    *'pre-existing shared memory block'*) sleep 1 ;;
    *) break ;;
    esac
  done
  sw_warn "PostgreSQL did not start; the end of $home/server.log:"
  tail -n 15 "$home/server.log" >&2
  pg_stop "$1"
  return "$SW_EX_UNAVAILABLE"
}

# pg_stop DIR [SIGNAL]: INT is PostgreSQL's fast shutdown, QUIT the immediate one; TERM would wait for its clients.
pg_stop() { sw_process_stop "$1/pg/record" "${2:-INT}" 30; }

# pg_remove DIR: the data outside DIR.
pg_remove() {
  local place
  place=$(cat "$1/pg/place" 2>/dev/null) || return 0
  case $place in
  /var/tmp/surewire-pg.*/*) sw_warn "not removed: $place is not a directory made here" ;;
  /var/tmp/surewire-pg.*) [ ! -d "$place" ] || rm -rf -- "$place" ;;
  esac
}
