# Starts programs in the background, knows them again, and ends them. For each there is $state/run/NAME with three lines: its pid, the
# moment it started (so that a pid that the system gave to somebody else meanwhile is never taken for it), and what it was
# started with (so that only what has changed is restarted). Its output goes to $state/log/NAME.log.

readonly ready_within_seconds=60 end_within_seconds=15

# run NAME ADDRESS… -- FILE… -- COMMAND…: makes sure that COMMAND runs, the current one, with the FILEs as they are now.
# ADDRESSes (127.0.0.1 ports) must be free before it starts.
run() {
  local name=$1 ports=() files=() print
  shift
  while [[ $1 != -- ]]; do ports+=("$1"); shift; done; shift
  while [[ $1 != -- ]]; do files+=("$1"); shift; done; shift
  print=$(fingerprint "$@" -- "${files[@]}")
  if is_running "$name"; then
    [[ $(sed -n 3p "$state/run/$name") == "$print" ]] && return 0
    step "$name has changed: restarting it"
    end "$name"
  else
    step "starting $name"
  fi
  local port
  for port in "${ports[@]}"; do require_free "$port" "$name"; done
  mkdir -p "$state/run" "$state/log"
  setsid "$@" </dev/null >"$state/log/$name.log" 2>&1 9>&- &
  local pid=$!
  disown # its end is told by whoever misses it, not by bash
  printf '%s\n%s\n%s\n' "$pid" "$(start_moment "$pid")" "$print" | replace "$state/run/$name"
  changed=yes
}

# fingerprint COMMAND… -- FILE…
fingerprint() {
  local file command=()
  while [[ $1 != -- ]]; do command+=("$1"); shift; done; shift
  {
    printf '%s\0' "${command[@]}"
    sha256sum "$(command -v "${command[0]}")" "$@"
  } | sha256sum | cut -d' ' -f1
}

is_running() {
  [[ -s $state/run/$1 ]] || return 1
  local pid moment
  { read -r pid && read -r moment; } <"$state/run/$1"
  [[ -n $moment && $(start_moment "$pid") == "$moment" ]]
}

pid_of() { head -n 1 "$state/run/$1"; }

# In clock ticks since boot, with the boot's identity; nothing for a process that is gone or a zombie.
start_moment() {
  local stat
  stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 0
  # shellcheck disable=SC2086 # fields, split on purpose; the command's name in front may hold anything
  set -- ${stat##*) }
  [[ $1 == [ZX] ]] || printf '%s %s' "${20}" "$(cat /proc/sys/kernel/random/boot_id)"
}

# Asks it to end, and insists after a while.
end() {
  local name=$1 waited pid
  if is_running "$name"; then
    pid=$(pid_of "$name")
    kill -TERM "$pid" 2>/dev/null || true
    for ((waited = 0; waited < end_within_seconds * 10; waited++)); do
      is_running "$name" || break
      sleep 0.1
    done
    if is_running "$name"; then
      step "$name does not end when asked: killing it"
      kill -KILL "$pid" 2>/dev/null || true
    fi
  fi
  rm -f "$state/run/$name"
}

# await NAME URL: until URL answers, or NAME is dead, or it takes too long.
await() {
  local name=$1 url=$2 deadline=$((SECONDS + ready_within_seconds))
  until curl -fsS -o /dev/null --max-time 2 --cacert "$state/ca.pem" "$url" 2>/dev/null; do
    is_running "$name" || died "$name"
    ((SECONDS < deadline)) || { show_log "$name"; fail "$name does not answer at $url after $ready_within_seconds s" "its whole log: $state/log/$name.log"; }
    sleep 0.1
  done
}

died() {
  show_log "$1"
  fail "$1 has ended by itself" "its whole log: $state/log/$1.log"
}

show_log() {
  printf '%s\n' "--- the last lines of $state/log/$1.log" >&2
  tail -n 15 "$state/log/$1.log" >&2 || true
  printf '%s\n' "---" >&2
}

require_free() {
  local port=$1 name=$2 holder
  (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || return 0
  holder=$(ss -Hltnp "sport = :$port" 2>/dev/null | sed -n 's/.*users:(("\([^"]*\)",pid=\([0-9]*\).*/\1, process \2/p' | head -n 1) || true
  fail "port $port, which $name needs, is taken by ${holder:-another process}" \
    "end that process, or choose other ports: BARTIZAN_PORT_BASE=20000 ${0##*/} uses 20000 and the dozen after it"
}

# Writes stdin to a file in one step, so that nobody ever reads half of it; a file that says the same already is left alone.
replace() {
  cat >"$1.new"
  if cmp -s "$1.new" "$1"; then rm "$1.new"; else mv "$1.new" "$1"; fi
}

# The gateway first, so that it drains while its backends are still there.
readonly in_order_of_ending=(gateway prometheus-a prometheus-b alertmanager-a alertmanager-b node-exporter workload)

end_all() {
  local name ended=''
  for name in "${in_order_of_ending[@]}"; do
    [[ -e $state/run/$name ]] || continue
    ! is_running "$name" || ended+=" $name"
    end "$name"
  done
  rm -f "$state/stack.json"
  if [[ -n $ended ]]; then step "ended:$ended"; else step "nothing was running"; fi
}

# Stays until one of them ends.
watch_all() {
  local file
  while sleep 1; do
    [[ -e $state/stack.json ]] || exit 0 # deploy/local/down was here
    for file in "$state"/run/*; do
      is_running "${file##*/}" || died "${file##*/}"
    done
  done
}

# One up or down at a time for each state directory.
take_lock() {
  exec 9>"$state/lock"
  flock --nonblock 9 || fail "another deploy/local/up or down is at work in $state" "wait for it to end"
}

release_lock() { exec 9>&-; }
