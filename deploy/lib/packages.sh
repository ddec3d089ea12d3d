# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# The Debian packages Surewire is built, run, tested and measured with, installed so that the system keeps the
# services it had: nothing is started, nothing new is enabled for the next boot, no database cluster is created. What is
# changed for the time of the installation is put back, also after an interrupt. Needs root or sudo only if something is
# missing.

PACKAGES_POLICY=/usr/sbin/policy-rc.d
PACKAGES_POLICY_MARK='made by surewire for the time of an installation'
PACKAGES_CLUSTER_CONF=/etc/postgresql-common/createcluster.conf
PACKAGES_UNITS='rabbitmq-server.service epmd.service epmd.socket postgresql.service ejabberd.service'

packages_of() {
  case $1 in
  build)
    echo cmake ninja-build gcc libc6-dev pkg-config librabbitmq-dev libuv1-dev libnghttp2-dev libjwt-dev \
      libjansson-dev libinih-dev uthash-dev libcmocka-dev libpq-dev libcurl4-openssl-dev libssl-dev libgmime-3.0-dev python3
    ;;
  run) echo rabbitmq-server postgresql python3 python3-websockets openssl ca-certificates curl jq ;;
  test)
    echo python3-pytest python3-websockets python3-aiosmtpd python3-h2 python3-psycopg2 python3-jwt \
      python3-cryptography nodejs npm nghttp2-server nghttp2-client iproute2 procps spin clang-format chromium
    ;;
  fuzz) echo clang libclang-rt-14-dev ;;
  chaos) echo valgrind ;;
  # The peers that tests/bench measures against, and what drives them.
  bench)
    echo ejabberd erlang-p1-pgsql nghttp2-server nghttp2-client nodejs npm python3-aioapns python3-psycopg2 \
      python3-jwt procps
    ;;
  *)
    printf 'unknown package set %s: expected build, run, test, bench, fuzz or chaos\n' "$1" >&2
    return 64
    ;;
  esac
}

# packages_present PACKAGE: installed, or its program is there by another way.
packages_present() {
  case $1 in
  nodejs) command -v node >/dev/null && return ;;
  npm) command -v npm >/dev/null && return ;;
  postgresql) compgen -G '/usr/lib/postgresql/1[5-9]/bin/postgres' >/dev/null && return ;;
  esac
  [ "$(dpkg-query --show --showformat='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# sw_install_packages SET...: build, run, test, bench, fuzz, chaos.
sw_install_packages() {
  local name set list script
  local -a missing=() how=()
  if ! command -v apt-get >/dev/null; then
    printf 'apt-get is missing: Surewire is installed from Debian 12 packages\n' >&2
    return 69
  fi
  for set in "$@"; do
    list=$(packages_of "$set") || return
    for name in $list; do
      packages_present "$name" || [[ " ${missing[*]} " == *" $name "* ]] || missing+=("$name")
    done
  done
  if [ ${#missing[@]} = 0 ]; then
    printf 'all packages are installed (%s)\n' "$*"
    return
  fi
  if [ "$(id -u)" = 0 ]; then
    how=()
  elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
    how=(sudo -n)
  elif command -v sudo >/dev/null; then
    how=(sudo)
  else
    printf 'missing packages, and neither root nor sudo to install them; as root: apt-get install %s\n' "${missing[*]}" >&2
    return 69
  fi
  printf 'installing: %s\n' "${missing[*]}"
  # The script itself is handed over, not its path: root may not be able to read the checkout.
  script=$(cat "${BASH_SOURCE[0]}") || return
  "${how[@]}" bash -c "$script"$'\n''packages_install_as_root "$@"' packages "${missing[@]}" </dev/null
}

# Everything that starts by itself at boot: one link a line.
packages_enabled() {
  find /etc/systemd/system -type l \( -path '*.wants/*' -o -path '*.requires/*' \) 2>/dev/null
  compgen -G '/etc/rc[2-5S].d/S*'
}

packages_unit_files() { find /lib/systemd/system /etc/init.d -mindepth 1 -maxdepth 1 -printf '%f\n' 2>/dev/null; }
packages_running() { systemctl list-units --plain --no-legend --type=service,socket,timer --state=active 2>/dev/null | awk '{print $1}'; }
packages_systemd() { [ -d /run/systemd/system ] && command -v systemctl >/dev/null; }
packages_epmd() {
  local comm
  for comm in /proc/[0-9]*/comm; do
    [ "$(cat "$comm" 2>/dev/null)" != epmd ] || basename "${comm%/comm}"
  done
}

# A file of ours that an interrupted run left behind is not mistaken for the administrator's.
packages_deny_starts() {
  packages_allow_starts
  if [ -e "$PACKAGES_POLICY" ] || [ -L "$PACKAGES_POLICY" ]; then
    mv -T "$PACKAGES_POLICY" "$PACKAGES_POLICY.surewire-saved" || return
  fi
  printf '#!/bin/sh\n# %s\nexit 101\n' "$PACKAGES_POLICY_MARK" >"$PACKAGES_POLICY" && chmod 755 "$PACKAGES_POLICY"
}

packages_allow_starts() {
  grep -qsF "$PACKAGES_POLICY_MARK" "$PACKAGES_POLICY" && rm -f "$PACKAGES_POLICY"
  if [ -e "$PACKAGES_POLICY.surewire-saved" ] || [ -L "$PACKAGES_POLICY.surewire-saved" ]; then
    mv -T "$PACKAGES_POLICY.surewire-saved" "$PACKAGES_POLICY"
  fi
}

# Without a file of the administrator, what comes back afterwards is the package's own, byte by byte, so that it counts
# as unchanged in later upgrades.
packages_deny_cluster() {
  local conf=$PACKAGES_CLUSTER_CONF
  packages_allow_cluster
  mkdir -p "${conf%/*}"
  if [ -e "$conf" ]; then
    cp -a "$conf" "$conf.surewire-saved"
  fi
  printf '\n# %s\ncreate_main_cluster = false\n' "$PACKAGES_POLICY_MARK" >>"$conf"
}

packages_allow_cluster() {
  local conf=$PACKAGES_CLUSTER_CONF template=/usr/share/postgresql-common/createcluster.conf
  grep -qsF "$PACKAGES_POLICY_MARK" "$conf" || return 0
  if [ -e "$conf.surewire-saved" ]; then
    mv -T "$conf.surewire-saved" "$conf"
  elif [ -e "$conf.ucf-dist" ]; then
    mv -T "$conf.ucf-dist" "$conf"
  elif [ -e "$template" ]; then
    sed -e 's/^ssl =.*/ssl = on/' "$template" >"$conf"
  else
    rm -f "$conf"
    rmdir --ignore-fail-on-non-empty "${conf%/*}"
  fi
}

# Some maintainer scripts call systemctl start, past policy-rc.d: a mask until the next boot at the latest stops them.
packages_mask() {
  local unit
  packages_systemd || return 0
  for unit in $PACKAGES_UNITS; do
    systemctl cat "$unit" >/dev/null 2>&1 || { systemctl --quiet mask --runtime "$unit" && masked+=("$unit"); }
  done 2>/dev/null
}

# packages_disable_new BEFORE: removes the links that were not there before, which is what disabling is; the helper of
# the Debian packages then sees the unit as disabled and leaves it so in upgrades.
packages_disable_new() {
  local link
  packages_enabled | sort | comm -13 "$1" - | while read -r link; do
    printf 'not enabled: %s\n' "$(basename "$link")"
    case $link in
    /etc/rc?.d/S*) update-rc.d "$(basename "$link" | sed 's/^S[0-9]*//')" disable >/dev/null 2>&1 || rm -f "$link" ;;
    *) rm -f "$link" ;;
    esac
  done
}

# packages_stop_new WORK: of what runs now and did not before, only units that came with this installation; a session or
# a timer of the system may have started by itself meanwhile.
packages_stop_new() {
  local pid
  if packages_systemd; then
    systemctl daemon-reload
    packages_unit_files | sort | comm -13 "$1/unit-files" - >"$1/new-units"
    packages_running | sort | comm -13 "$1/running" - | grep -Fxf "$1/new-units" | xargs -r systemctl stop
  fi
  for pid in $(packages_epmd); do
    grep -qx "$pid" "$1/epmd" || kill "$pid" 2>/dev/null
  done
}

packages_restore() {
  trap '' INT TERM HUP
  if packages_systemd && [ ${#masked[@]} != 0 ]; then
    systemctl --quiet unmask --runtime "${masked[@]}"
  fi
  packages_disable_new "$work/enabled"
  packages_stop_new "$work"
  packages_allow_cluster
  packages_allow_starts
  rm -rf "$work"
}

# The whole work of a bash of its own: its traps wait for a running apt-get, which must not be cut, and then restore.
packages_install_as_root() {
  umask 022
  exec 7>/run/surewire-packages.lock && flock 7 || exit 70
  masked=()
  work=$(mktemp -d) || exit 70
  packages_enabled | sort >"$work/enabled"
  packages_running | sort >"$work/running"
  packages_unit_files | sort >"$work/unit-files"
  packages_epmd >"$work/epmd"
  trap packages_restore EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
  packages_deny_starts && packages_deny_cluster && packages_mask || exit 70
  export DEBIAN_FRONTEND=noninteractive APT_LISTCHANGES_FRONTEND=none NEEDRESTART_SUSPEND=1
  export UCF_FORCE_CONFFOLD=1
  apt=(apt-get --quiet --yes --option DPkg::Lock::Timeout=300 --option Dpkg::Use-Pty=0)
  "${apt[@]}" update 7>&- || printf 'apt-get update failed: trying with the lists there are\n' >&2
  "${apt[@]}" install --no-install-recommends "$@" 7>&- || {
    printf 'apt-get install failed (its messages are above): %s\n' "$*" >&2
    exit 69
  }
}
