#!/usr/bin/env bash
# Installs what the tests need and this machine lacks. Says what it does,
# starts no service, and touches nothing that is there already.
#
#   make setup
#
# Needs nothing but Go to begin with. On Debian and its relatives the rest
# comes from apt-get, as root or through sudo; elsewhere this script says what
# to install.
set -euo pipefail

cd "$(dirname "$0")/.."

say() { echo "setup: $*"; }
have() { command -v "$1" >/dev/null 2>&1; }
die() {
  printf 'setup: %s\n' "$@" >&2
  exit 1
}

# Go is the one thing that a distribution's packages are too old for.
readonly need_go=26 need_node=18
if ! have go; then
  die "Go 1.$need_go or newer is missing: see https://go.dev/doc/install" \
    "(if it is installed, put it on PATH, for example: export PATH=\$PATH:/usr/local/go/bin)"
fi
go_version=$(go env GOVERSION) || die "'go env' failed; Go 1.$need_go or newer is needed: https://go.dev/doc/install"
if ! [[ $go_version =~ ^go1\.([0-9]+) ]] || ((BASH_REMATCH[1] < need_go)); then
  die "$go_version is too old; Go 1.$need_go or newer is needed: https://go.dev/doc/install"
fi

node_major() { node --version 2>/dev/null | sed -E 's/^v([0-9]+).*/\1/'; }
have_any() {
  local name
  for name in "$@"; do
    [[ -n $name ]] && have "$name" && return
  done
  return 1
}
# The names that internal/testenv looks for.
have_chromium() { have_any "${TANDEM_CHROMIUM:-}" chromium chromium-browser google-chrome google-chrome-stable; }
have_firefox() { have_any "${TANDEM_FIREFOX:-}" firefox-esr firefox; }
have_redis() { have_any "${TANDEM_REDIS:-}" redis-server; }
# Debian keeps the server's programs off PATH.
have_postgres() { have_any "${TANDEM_POSTGRES:+$TANDEM_POSTGRES/initdb}" /usr/lib/postgresql/*/bin/initdb initdb; }

missing=() packages=()
need() { # what it is for, Debian packages
  missing+=("$1")
  packages+=("${@:2}")
}

if have node && (($(node_major) < need_node)); then
  die "Node.js $(node --version) is too old for the client's build; $need_node or newer is needed: https://nodejs.org"
fi
have node || need "Node.js $need_node or newer" nodejs
have npm || need "npm" npm
have_chromium || need "Chromium" chromium fonts-dejavu-core
have_firefox || need "Firefox" firefox-esr
# To make Chromium trust the tests' own certificate authority.
have certutil || need "certutil" libnss3-tools
redis_service=keep
have_redis || { redis_service=drop && need "Redis 7.0 or newer" redis-server; }
postgres_service=keep
have_postgres || { postgres_service=drop && need "Postgres 13 or newer" postgresql; }
# Networks of their own for tests, and UDP dropped there; Linux only.
if [[ $(uname -s) == Linux ]]; then
  have_any ip /usr/sbin/ip || need "ip" iproute2
  have_any nft /usr/sbin/nft || need "nft" nftables
fi
# The race detector needs a C compiler.
have "$(go env CC)" || need "a C compiler" gcc libc6-dev
# npm and go fetch over HTTPS.
if have apt-get && [[ -z ${SSL_CERT_FILE:-} && ! -s /etc/ssl/certs/ca-certificates.crt ]]; then
  need "CA certificates" ca-certificates
fi

if ((${#missing[@]} == 0)); then
  say "nothing to install ($go_version, node $(node --version), npm $(npm --version))"
  exit 0
fi

list=$(printf ', %s' "${missing[@]}")
say "missing: ${list:2}"
if ! have apt-get; then
  die "only apt-get is known here: install these yourself, then run this again: ${list:2}"
fi

as_root=()
if ((EUID != 0)); then
  # -n outside a terminal: a question that nobody sees must not hang a build.
  ask=()
  [[ -t 0 ]] || ask=(-n)
  if ! have sudo || ! sudo ${ask[@]+"${ask[@]}"} true; then
    die "no right to install packages; run as root, then run this again:" \
      "  apt-get update && apt-get install -y --no-install-recommends ${packages[*]}"
  fi
  as_root=(sudo ${ask[@]+"${ask[@]}"})
fi
run() { ${as_root[@]+"${as_root[@]}"} env DEBIAN_FRONTEND=noninteractive "$@"; }

say "installing with apt-get: ${packages[*]}"
run apt-get update -qq
run apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null

# Tests start Redis and Postgres themselves; the packages start one too.
if [[ $redis_service == drop ]] && have systemctl; then
  run systemctl disable --now redis-server >/dev/null 2>&1 || true
fi
if [[ $postgres_service == drop ]] && have systemctl; then
  run systemctl disable --now postgresql >/dev/null 2>&1 || true
fi

have node && have npm && have_chromium && have_firefox && have_redis && have_postgres || die "installed, but still not found on PATH: ${list:2}"
(($(node_major) >= need_node)) ||
  die "this system's Node.js $(node --version) is too old; $need_node or newer is needed: https://nodejs.org"
say "done ($go_version, node $(node --version), npm $(npm --version))"
