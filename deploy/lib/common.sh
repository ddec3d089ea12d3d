# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# What every script under deploy/ and tests/ shares: messages, errors, secrets, free ports. Starts and stops nothing.

# sysexits(3)
# shellcheck disable=SC2034 # used by the files that source this one
SW_EX_USAGE=64 SW_EX_UNAVAILABLE=69 SW_EX_SOFTWARE=70 SW_EX_CONFIG=78

sw_say() { printf '%s\n' "$*"; }
sw_warn() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }

# sw_die CODE MESSAGE: one line on stderr, then the exit code.
sw_die() {
  local code=$1
  shift
  sw_warn "$*"
  exit "$code"
}

# 192 random bits in hex: needs no quoting in a URL, an INI file or SQL.
sw_secret() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }

# sw_write FILE: stdin becomes the file's whole content, readable by the owner alone, or the old file stays.
sw_write() {
  local new=$1.new.$BASHPID
  (umask 077 && cat >"$new") && mv -f "$new" "$1"
}

# sw_write_changed FILE: the same, but a file that has this content already is left alone, with its time.
sw_write_changed() {
  local new=$1.new.$BASHPID
  (umask 077 && cat >"$new") || return
  if cmp -s "$new" "$1"; then
    rm -f "$new"
  else
    mv -f "$new" "$1"
  fi
}

# sw_own_dir DIR: makes DIR private to the caller and prints its absolute path.
sw_own_dir() {
  (umask 077 && mkdir -p "$1") || return
  [ -O "$1" ] || {
    sw_warn "$1 belongs to $(stat -c %U "$1"), not to $(id -un): run as that user, or remove it"
    return "$SW_EX_CONFIG"
  }
  chmod 700 "$1" && (cd "$1" && pwd -P)
}

# sw_free_ports COUNT SHARE SHARES: prints COUNT different loopback ports that could be bound just now. They lie below
# the kernel's ephemeral range, so that no outgoing connection takes one before the server does; SHARE (from 0) of
# SHARES keeps two choosers that run at the same time apart. A caller still has to try again when a bind fails.
sw_free_ports() {
  python3 - "$@" <<'PY'
import random, socket, sys
count, share, shares = map(int, sys.argv[1:4])
try:
    low = int(open("/proc/sys/net/ipv4/ip_local_port_range").read().split()[0])
except OSError:
    low = 32768
if low < 14000:
    low = 32768
first = max(10240, low - 20000)
width = (low - first) // shares
ports = list(range(first + share * width, first + (share + 1) * width))
random.shuffle(ports)
held = []
for port in ports:
    s = socket.socket()
    try:
        s.bind(("127.0.0.1", port))
    except OSError:
        s.close()
        continue
    held.append(s)
    if len(held) == count:
        break
else:
    sys.exit("no %d free loopback ports between %d and %d" % (count, ports and min(ports), ports and max(ports)))
print(*[s.getsockname()[1] for s in held])
PY
}

# sw_ports_free PORT...: true if each could be bound just now. A socket in TIME_WAIT does not count as a user.
sw_ports_free() {
  python3 - "$@" <<'PY'
import socket, sys
for port in sys.argv[1:]:
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        s.bind(("127.0.0.1", int(port)))
    except OSError:
        sys.exit(1)
PY
}

# sw_wait_until SECONDS COMMAND...: runs COMMAND five times a second until it succeeds, or fails when time is up.
sw_wait_until() {
  local deadline=$((SECONDS + $1))
  shift
  until "$@"; do
    [ "$SECONDS" -lt "$deadline" ] || return 1
    sleep 0.2
  done
}

# sw_quote VALUE: as one word for a POSIX shell.
sw_quote() {
  local quoted=${1//\'/\'\\\'\'}
  printf "'%s'" "$quoted"
}
