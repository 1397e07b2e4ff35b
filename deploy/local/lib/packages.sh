# Installs what is missing with the system's own package client, and sees to it that no server which comes that way starts by itself:
# Debian's packages would listen on all addresses.

# ensure_commands COMMAND=PACKAGE…: installs the package of each command that is not there.
ensure_commands() {
  local pair missing=()
  for pair in "$@"; do
    command -v "${pair%%=*}" >/dev/null || missing+=("${pair#*=}")
  done
  ((${#missing[@]})) || return 0

  is_debian || fail "these are missing: ${missing[*]} (Debian's names), and this system is not Debian" \
    "install them with your own package manager, so that the commands are in PATH: ${*%%=*}"
  install_packages "${missing[@]}"
  for pair in "$@"; do
    command -v "${pair%%=*}" >/dev/null || fail "the package ${pair#*=} is installed, but ${pair%%=*} is not in PATH"
  done
}

is_debian() {
  [[ -r /etc/os-release ]] && (. /etc/os-release && [[ " ${ID:-} ${ID_LIKE:-} " == *" debian "* ]]) && command -v apt-get >/dev/null
}

install_packages() {
  step "installing $*"
  as_root true || fail "installing $* needs root" "run: sudo apt-get install --no-install-recommends $*" \
    "then see that none of them listens: sudo systemctl disable --now prometheus prometheus-alertmanager prometheus-node-exporter"
  local log
  log=$(mktemp)
  without_service_starts apt_install "$log" "$@" || {
    tail -n 20 "$log" >&2
    fail "apt-get could not install $*" "the whole log is in $log"
  }
  rm -f "$log"
  keep_servers_off "$@"
}

apt_install() {
  local log=$1
  shift
  local get=(as_root env DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=l apt-get -q -y -o DPkg::Lock::Timeout=300)
  "${get[@]}" install --no-install-recommends "$@" >"$log" 2>&1 && return
  "${get[@]}" update >>"$log" 2>&1 && "${get[@]}" install --no-install-recommends "$@" >>"$log" 2>&1
}

# Runs a command while a policy-rc.d of our own forbids all service starts; the one that was there comes back afterwards, also after Ctrl-C.
without_service_starts() (
  policy=/usr/sbin/policy-rc.d
  kept=$policy.before-bartizan
  [[ ! -e $policy ]] || as_root mv "$policy" "$kept"
  trap 'as_root rm -f "$policy"; [[ ! -e $kept ]] || as_root mv "$kept" "$policy"' EXIT
  printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
  as_root chmod 755 "$policy"
  "$@"
)

# A unit that was not started now would start at the next boot.
keep_servers_off() {
  local package
  for package in "$@"; do
    [[ -e /lib/systemd/system/$package.service ]] || continue
    as_root deb-systemd-helper disable "$package.service" >/dev/null 2>&1 || true
    as_root update-rc.d "$package" disable >/dev/null 2>&1 || true
  done
}

# The version that apt-get would install, such as 1.96.0+dfsg1; nothing where it knows none.
debian_candidate() {
  apt-cache policy "$1" | sed -n 's/^ *Candidate: \(.*:\)\?//p'
}

as_root() {
  if ((EUID == 0)); then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    return 1
  fi
}
