# The Go toolchain, which one of the tests needs: it asks Prometheus' own parser.

# ensure_go GO.MOD: a go that is new enough for that module.
ensure_go() {
  local wanted cached
  wanted=$(sed -n 's/^go //p' "$1")
  cached=${XDG_CACHE_HOME:-$HOME/.cache}/bartizan/go-$wanted
  [[ ! -x $cached/bin/go ]] || PATH=$cached/bin:$PATH
  ensure_commands go=golang-go
  at_least "$(go_version)" "$wanted" || fetch_go "$wanted" "$cached"
  at_least "$(go_version)" "$wanted" || fail "Go $wanted or newer is needed; go here is $(go_version)" "install it from https://go.dev/dl/"
}

go_version() { GOTOOLCHAIN=local go env GOVERSION | sed 's/^go//'; }

# Go publishes its toolchains as modules; an older go can fetch one, but does not make its programs executable.
fetch_go() {
  local wanted=$1 cached=$2 modules module
  step "fetching Go $wanted with Debian's older go"
  modules=$(mktemp -d)
  module=golang.org/toolchain@v0.0.1-go$wanted.linux-$(go env GOARCH)
  (cd "$modules" && GOTOOLCHAIN=local GOPATH=$modules GOFLAGS=-modcacherw go mod download "$module") ||
    fail "Go $wanted could not be fetched" "install it from https://go.dev/dl/, so that go is in PATH"
  mkdir -p "${cached%/*}"
  rm -rf "$cached"
  mv "$modules/pkg/mod/$module" "$cached"
  chmod -R u+x "$cached/bin" "$cached/pkg/tool"
  rm -rf "$modules"
  PATH=$cached/bin:$PATH
}
