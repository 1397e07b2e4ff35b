# The Rust toolchain, the program and the plugins.

ensure_rust() {
  [[ -d ${CARGO_HOME:-$HOME/.cargo}/bin ]] && PATH=${CARGO_HOME:-$HOME/.cargo}/bin:$PATH
  if ! command -v cargo >/dev/null; then
    step "installing a Rust toolchain with rustup, for this user alone"
    curl --proto '=https' --tlsv1.2 -fsS https://sh.rustup.rs | sh -s -- -y -q --profile minimal --no-modify-path >&2 ||
      fail "rustup could not install a Rust toolchain" "install Rust $(wanted_rust) or newer (https://rustup.rs), and start this again"
    PATH=${CARGO_HOME:-$HOME/.cargo}/bin:$PATH
  fi
  local found
  found=$(cd "$root" && cargo --version 2>/dev/null | cut -d' ' -f2) || found=none
  at_least "$found" "$(wanted_rust)" || fail "Rust $(wanted_rust) or newer is needed; cargo here is $found" \
    "rustup update stable, or put a newer cargo first in PATH"
}

wanted_rust() {
  sed -n 's/^rust-version = "\(.*\)"/\1/p' "$root/Cargo.toml" | head -n 1
}

# at_least 1.95.0 1.95
at_least() {
  [[ $1 != none && $(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1) == "$2" ]]
}

build_program() {
  step "building target/release/bartizan (the first time takes many minutes)"
  (cd "$root" && cargo build --release --locked --quiet) || fail "the build failed" "the compiler's messages stand above"
}

# The plugins that this repository ships; their build sees to its own toolchain.
build_plugins() {
  step "building the plugins"
  "$root/plugins/build" >&2 || fail "the plugins could not be built" "their messages stand above"
}
