# The stack's addresses and its parts: servers, workload, gateway, and the file that tells scripts where they are.

# Fixed ports, or a row of them from $BARTIZAN_PORT_BASE on, so that several stacks can run side by side.
choose_ports() {
  local base=${BARTIZAN_PORT_BASE:-}
  if [[ -z $base ]]; then
    gateway_port=8443 admin_port=8444 workload_port=19080 node_exporter_port=19100
    prometheus_ports=(19090 19091) alertmanager_ports=(19093 19094) gossip_ports=(19095 19096)
    return
  fi
  [[ $base =~ ^[0-9]+$ ]] && ((base >= 1024 && base <= 65000)) ||
    fail "BARTIZAN_PORT_BASE is '$base'" "it must be a number from 1024 to 65000"
  gateway_port=$base admin_port=$((base + 1)) workload_port=$((base + 2)) node_exporter_port=$((base + 3))
  prometheus_ports=($((base + 4)) $((base + 5))) alertmanager_ports=($((base + 6)) $((base + 7))) gossip_ports=($((base + 8)) $((base + 9)))
}

start_backends() {
  local replica
  run workload "$workload_port" -- -- python3 "$here/workload" --port "$workload_port"
  run node-exporter "$node_exporter_port" -- -- prometheus-node-exporter --web.listen-address="127.0.0.1:$node_exporter_port"
  for replica in 0 1; do start_alertmanager "$replica"; done
  for replica in 0 1; do start_prometheus "$replica"; done

  await workload "http://127.0.0.1:$workload_port/-/ready"
  await node-exporter "http://127.0.0.1:$node_exporter_port/metrics"
  for replica in 0 1; do
    await "alertmanager-${names[replica]}" "http://127.0.0.1:${alertmanager_ports[replica]}/alertmanager/-/ready"
    await "prometheus-${names[replica]}" "http://127.0.0.1:${prometheus_ports[replica]}/prometheus/-/ready"
  done
}

readonly names=(a b)

# Lifecycle and admin API are on: a gateway that only seems to keep people from them would be found out.
start_prometheus() {
  local name=${names[$1]} port=${prometheus_ports[$1]}
  local folder=$state/prometheus-$name
  mkdir -p "$folder"
  fill "$here/prometheus.yml.template" "@REPLICA@=$name" | replace "$folder/prometheus.yml"
  promtool check config "$folder/prometheus.yml" >/dev/null || fail "promtool refuses $folder/prometheus.yml"
  run "prometheus-$name" "$port" -- "$folder/prometheus.yml" "$here/rules.yml" -- prometheus \
    --config.file="$folder/prometheus.yml" --storage.tsdb.path="$folder/data" --storage.tsdb.retention.time=2d \
    --web.listen-address="127.0.0.1:$port" --web.route-prefix=/prometheus \
    --web.external-url="https://127.0.0.1:$gateway_port/prometheus/" \
    --web.enable-lifecycle --web.enable-admin-api --enable-feature=exemplar-storage
}

# Each names the other, so that either may start first.
start_alertmanager() {
  local name=${names[$1]} port=${alertmanager_ports[$1]} gossip=${gossip_ports[$1]} peer=${gossip_ports[1 - $1]}
  mkdir -p "$state/alertmanager-$name"
  run "alertmanager-$name" "$port" "$gossip" -- "$here/alertmanager.yml" -- prometheus-alertmanager \
    --config.file="$here/alertmanager.yml" --storage.path="$state/alertmanager-$name" \
    --web.listen-address="127.0.0.1:$port" --web.route-prefix=/alertmanager \
    --web.external-url="https://127.0.0.1:$gateway_port/alertmanager/" \
    --cluster.listen-address="127.0.0.1:$gossip" --cluster.peer="127.0.0.1:$peer" --cluster.settle-timeout=5s
}

# fill TEMPLATE @NAME@=VALUE…: the template with every @NAME@ replaced.
fill() {
  local template=$1 pair edits=()
  shift
  for pair in "$@" \
    "@ROOT@=$root" "@STATE@=$state" "@RULES@=$here/rules.yml" "@GATEWAY@=$gateway_port" "@ADMIN@=$admin_port" \
    "@WORKLOAD@=$workload_port" "@NODE_EXPORTER@=$node_exporter_port" \
    "@PROMETHEUS_A@=${prometheus_ports[0]}" "@PROMETHEUS_B@=${prometheus_ports[1]}" \
    "@ALERTMANAGER_A@=${alertmanager_ports[0]}" "@ALERTMANAGER_B@=${alertmanager_ports[1]}"; do
    edits+=(-e "s|${pair%%=*}|${pair#*=}|g")
  done
  sed "${edits[@]}" "$template"
}

write_stack_file() {
  replace "$state/stack.json" <<END
{
  "gateway": "https://127.0.0.1:$gateway_port",
  "ca": "$(shown "$state/ca.pem")",
  "admin": "http://127.0.0.1:$admin_port",
  "pid": $(is_running gateway && pid_of gateway || echo null),
  "logins": $(sed '2,$s/^/  /' "$state/logins.json"),
  "backends": {
    "prometheus": ["http://127.0.0.1:${prometheus_ports[0]}/prometheus", "http://127.0.0.1:${prometheus_ports[1]}/prometheus"],
    "alertmanager": ["http://127.0.0.1:${alertmanager_ports[0]}/alertmanager", "http://127.0.0.1:${alertmanager_ports[1]}/alertmanager"],
    "node-exporter": ["http://127.0.0.1:$node_exporter_port"],
    "workload": ["http://127.0.0.1:$workload_port"]
  },
  "config": "$(shown "$state/bartizan.yaml")",
  "audit": "$(shown "$state/audit/audit.jsonl")"
}
END
}

# A path inside the repository is told relative to its root.
shown() { printf '%s' "${1#"$root/"}"; }
