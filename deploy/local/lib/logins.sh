# The demo logins: a random password and a signed bearer token for each, and the key set by which the gateway knows the tokens.

readonly issuer=https://bartizan.local/dev audience=bartizan
readonly token_days=30 token_renewal_days=7

# login, its group, and who that is
readonly logins=(
  "ada admins platform admin: sees and may do everything"
  "bo payments team payments: its own data, personal data redacted"
  "cy walks team walks: its own data"
  "di auditors auditor: reads everything, and the audit log"
  "ops on-call on-call: alerts and silences of all teams"
)

# Leaves $state/logins.json: {"bo": {"password": "…", "token": "…"}, …}
ensure_logins() {
  if [[ ! -s $state/jwt.key || ! -s $state/jwks.json ]]; then
    make_signing_key
    rm -f "$state/logins.json"
  fi
  [[ -n $(find "$state/logins.json" -mtime "-$token_renewal_days" 2>/dev/null) ]] || write_logins
}

make_signing_key() {
  step "making the key that signs the demo logins' bearer tokens"
  openssl_quietly genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$state/jwt.key"
  local modulus
  modulus=$(openssl rsa -in "$state/jwt.key" -noout -modulus | cut -d= -f2 | from_hex | base64url)
  printf '{"keys": [{"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "%s", "n": "%s", "e": "AQAB"}]}\n' \
    "${modulus:0:16}" "$modulus" | replace "$state/jwks.json"
}

write_logins() {
  local entry login group separator=''
  {
    printf '{'
    for entry in "${logins[@]}"; do
      read -r login group _ <<<"$entry"
      printf '%s\n  "%s": {"password": "%s", "token": "%s"}' "$separator" "$login" "$(password_of "$login")" "$(token_for "$login" "$group")"
      separator=,
    done
    printf '\n}\n'
  } | replace "$state/logins.json"
}

# The password that a login has already, else a new one.
password_of() {
  local file=$state/passwords/$1
  if [[ ! -s $file ]]; then
    mkdir -p "${file%/*}"
    openssl rand -base64 12 | tr '+/' 'xy' >"$file"
  fi
  cat "$file"
}

token_for() {
  local login=$1 group=$2 now key_id head body
  now=$(date +%s)
  key_id=$(sed -n 's/.*"kid": "\([^"]*\)".*/\1/p' "$state/jwks.json")
  head=$(printf '{"alg":"RS256","typ":"JWT","kid":"%s"}' "$key_id" | base64url)
  body=$(printf '{"iss":"%s","aud":"%s","sub":"%s","name":"%s","groups":["%s"],"iat":%d,"nbf":%d,"exp":%d}' \
    "$issuer" "$audience" "$login" "$login" "$group" "$now" "$((now - 30))" "$((now + token_days * 86400))" | base64url)
  printf '%s.%s.%s' "$head" "$body" "$(printf '%s.%s' "$head" "$body" | openssl dgst -sha256 -sign "$state/jwt.key" | base64url)"
}

base64url() { openssl base64 -A | tr '+/' '-_' | tr -d '='; }

from_hex() {
  local hex
  read -r hex
  # shellcheck disable=SC2059 # the format is the bytes
  printf "$(sed 's/../\\x&/g' <<<"$hex")"
}
