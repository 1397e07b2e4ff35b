# How the scripts here talk: what they do on stderr, so that stdout holds only what somebody may want to read or pipe.

step() { printf '• %s\n' "$*" >&2; }

# fail WHAT HAPPENED, WHAT TO DO
fail() {
  printf 'error: %s\n' "$1" >&2
  shift
  (($#)) && printf '  help: %s\n' "$@" >&2
  exit 1
}

# usage_error WHAT: for what was typed wrongly
usage_error() {
  printf 'error: %s\n  help: %s --help tells what there is\n' "$1" "${0##*/}" >&2
  exit 2
}
