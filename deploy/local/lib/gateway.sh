# The gateway itself: its settings, its users, and what to try once it answers.

start_gateway() {
  mkdir -p "$state/audit"
  install_plugins
  fill "$here/bartizan.yaml.template" | replace "$state/bartizan.yaml"
  replace "$state/policy.yaml" <"$here/policy.yaml"
  ensure_users
  "$program" check --config "$state/bartizan.yaml" >"$state/log/check.log" 2>&1 || {
    cat "$state/log/check.log" >&2
    fail "the gateway refuses its settings"
  }
  run gateway "$gateway_port" "$admin_port" -- "$state/bartizan.yaml" -- "$program" serve --config "$state/bartizan.yaml"
  await gateway "http://127.0.0.1:$admin_port/-/ready"
  await gateway "https://127.0.0.1:$gateway_port/-/login"
}

# Each plugin once, and again when this repository builds another: whoever put a file of their own there keeps it.
install_plugins() {
  local built=$root/target/guests/json-exporter.wasm installed=$state/plugins/json-exporter.wasm
  mkdir -p "$state/plugins"
  [[ -s $built ]] || fail "$(shown "$built") is not there" "start this without --no-build, or run plugins/build"
  sha256sum <"$built" | cmp -s - "$installed.origin" && return 0
  replace "$installed" <"$built"
  sha256sum <"$built" | replace "$installed.origin"
}

# One account for each demo login, with the password that logins.json tells; made anew when one of the passwords is.
ensure_users() {
  local entry login group
  [[ $state/users.yaml -nt $state/passwords ]] && return 0
  step "making the demo logins"
  rm -f "$state/users.yaml.new"
  for entry in "${logins[@]}"; do
    read -r login group _ <<<"$entry"
    password_of "$login" | "$program" user add "$login" --group "$group" --password-stdin --users "$state/users.yaml.new" >/dev/null ||
      fail "the login $login could not be made"
  done
  mv "$state/users.yaml.new" "$state/users.yaml"
}

print_welcome() {
  local entry login group who password
  local url=https://127.0.0.1:$gateway_port ca token_file
  ca=$(shown "$state/ca.pem")
  printf '\nBartizan answers at %s/ (its CA: %s)\n\n' "$url" "$ca"
  for entry in "${logins[@]}"; do
    read -r login group who <<<"$entry"
    printf '  %-5s %-18s %s\n' "$login" "$(password_of "$login")" "$who"
  done
  password=$(password_of bo)
  token_file=$(shown "$state/stack.json")
  cat <<END

To try:
  # bo sees the payments team alone, and no customer's e-mail address or card
  curl -s --cacert $ca -u bo:$password '$url/prometheus/api/v1/query?query=payment_transactions_total'
  # the same question to Prometheus itself
  curl -s 'http://127.0.0.1:${prometheus_ports[0]}/prometheus/api/v1/query?query=payment_transactions_total'
  # alerts of the team, by bearer token
  curl -s --cacert $ca -H "Authorization: Bearer \$(python3 -c 'import json; print(json.load(open("$token_file"))["logins"]["bo"]["token"])')" $url/alertmanager/api/v2/alerts
  # why bo sees what bo sees
  target/release/bartizan policy explain --config $(shown "$state/bartizan.yaml") --as bo
  # what the exporter plugins tell Prometheus
  curl -s http://127.0.0.1:$admin_port/exporters/metrics
END
}
