# The Rust toolchain, the program and the plugins.

ensure_rust() {
  local cargo_home=${CARGO_HOME:-$HOME/.cargo}
  [[ ! -d $cargo_home/bin ]] || PATH=$cargo_home/bin:$PATH
  command -v cargo >/dev/null || install_rust
  local found
  found=$(cd "$root" && cargo --version 2>/dev/null | cut -d' ' -f2) || found=none
  at_least "$found" "$(wanted_rust)" || fail "Rust $(wanted_rust) or newer is needed; cargo here is $found" \
    "rustup update stable, or put a newer cargo first in PATH"
}

# Debian's own where it is new enough (bookworm-security's is), else rustup's, for this user alone.
install_rust() {
  if is_debian && [[ -z $(debian_candidate cargo-web) ]]; then
    as_root apt-get -qq update >&2 || true # what is not found then is not installed from there
  fi
  if is_debian && at_least "$(debian_candidate cargo-web)" "$(wanted_rust)"; then
    install_packages cargo-web rustc-web
    return
  fi
  [[ ${RUSTUP_AUTO_INSTALL:-1} != 0 ]] || fail "there is no cargo, and rustup may not install one (RUSTUP_AUTO_INSTALL=0)" \
    "install Rust $(wanted_rust) or newer, so that cargo is in PATH"
  step "installing a Rust toolchain with rustup, for this user alone"
  curl --proto '=https' --tlsv1.2 -fsS https://sh.rustup.rs | sh -s -- -y -q --profile default --no-modify-path >&2 ||
    fail "rustup could not install a Rust toolchain" "install Rust $(wanted_rust) or newer (https://rustup.rs), and start this again"
  PATH=${CARGO_HOME:-$HOME/.cargo}/bin:$PATH
}

wanted_rust() {
  sed -n 's/^rust-version = "\(.*\)"/\1/p' "$root/Cargo.toml" | head -n 1
}

# at_least VERSION WANTED: 1.96.0 is at least 1.95; "none" and nothing are not.
at_least() {
  [[ $1 == [0-9]* && $(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1) == "$2" ]]
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
