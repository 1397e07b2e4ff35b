# A certificate authority for this installation alone, and the gateway's certificate from it. Both are kept while they are good for
# another week, so that a browser or script that was told to trust ca.pem goes on doing so.

readonly a_week_in_seconds=604800

ensure_certificates() {
  good_for_a_week "$state/ca.pem" && [[ -s $state/ca.key ]] || make_authority
  good_for_a_week "$state/server.pem" && [[ -s $state/server.key ]] &&
    openssl verify -CAfile "$state/ca.pem" "$state/server.pem" >/dev/null 2>&1 || make_server_certificate
}

good_for_a_week() {
  [[ -s $1 ]] && openssl x509 -in "$1" -noout -checkend "$a_week_in_seconds" >/dev/null 2>&1
}

make_authority() {
  step "making a development certificate authority"
  openssl_quietly req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 365 \
    -subj "/O=Bartizan development/CN=Bartizan development CA $(openssl rand -hex 4)" \
    -addext basicConstraints=critical,CA:TRUE,pathlen:0 -addext keyUsage=critical,keyCertSign,cRLSign \
    -keyout "$state/ca.key" -out "$state/ca.pem"
}

make_server_certificate() {
  step "making the gateway's certificate"
  local request=$state/server.csr extensions=$state/server.ext
  openssl_quietly req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost -keyout "$state/server.key" -out "$request"
  cat >"$extensions" <<-'END'
	basicConstraints = critical, CA:FALSE
	keyUsage = critical, digitalSignature
	extendedKeyUsage = serverAuth
	subjectAltName = DNS:localhost, IP:127.0.0.1, IP:::1
	END
  openssl_quietly x509 -req -in "$request" -CA "$state/ca.pem" -CAkey "$state/ca.key" -CAcreateserial -days 90 -sha256 \
    -extfile "$extensions" -out "$state/server.pem"
  rm -f "$request" "$extensions"
}

openssl_quietly() {
  local said
  said=$(openssl "$@" 2>&1) || fail "openssl $1 failed: $said"
}
