#!/bin/sh
# The one entry of `npm start`, `npm test` and `npm run check`, `doctor`, `drain` and `bench`. Runs under any POSIX
# shell and whatever Node the machine has: it brings in the packages, and with them the Node that runs the rest.
# Everything in place costs a few file comparisons and no extra process; then this shell becomes the program,
# so that signals reach it directly.
set -eu
cd "$(dirname "$0")/.."
command=${1:?usage: sh provision/run.sh start|test|check|doctor|drain|bench [arguments]}
shift
state=node_modules/.trunkline

fail() {
  printf 'trunkline: %s\n' "$1" >&2
  exit 1
}

elapsed() { echo $(($(date +%s) - started)); }

# What is done so far, from the folders npm has filled.
progress() {
  have=$(find node_modules -maxdepth 3 -name package.json 2>/dev/null | wc -l)
  [ "$have" -le "$total" ] || have=$total
  printf '  · packages: %s of about %s (%s s)' "$have" "$total" "$(elapsed)"
}

install_packages() {
  command -v npm >/dev/null 2>&1 || fail 'npm is not installed: apt-get install npm, or get Node from nodejs.org'
  started=$(date +%s)
  total=$(grep -c '^    "\(.*/\)\{0,1\}node_modules/' package-lock.json || true)
  log=$(mktemp "${TMPDIR:-/tmp}/trunkline-npm.XXXXXX") || fail "cannot write to ${TMPDIR:-/tmp}"
  printf '  · packages from the lockfile, about a minute the first time\n'
  npm ci --ignore-scripts --include=dev --include=optional --no-audit --no-fund --loglevel=error \
    </dev/null >"$log" 2>&1 &
  npm=$!
  trap 'kill "$npm" 2>/dev/null; rm -f "$log"; exit 130' INT TERM
  ticks=0
  while kill -0 "$npm" 2>/dev/null; do
    sleep 1
    ticks=$((ticks + 1))
    if [ -t 1 ]; then
      printf '\r\033[2K%s' "$(progress)"
    elif [ $((ticks % 10)) -eq 0 ]; then
      printf '%s\n' "$(progress)"
    fi
  done
  [ -t 1 ] && printf '\r\033[2K'
  if ! wait "$npm"; then
    tail -n 20 "$log" >&2
    fail "npm ci failed; all it said is in $log"
  fi
  trap - INT TERM
  rm -f "$log"
  mkdir -p "$state"
  cp package-lock.json "$state/package-lock.json"
  printf '  ✓ packages from the lockfile  %s s\n' "$(elapsed)"
}

# A copy of the lockfile says which packages are there. Without one, or after a change, they may still be the
# right ones (somebody ran `npm install`): ask before replacing them all.
if ! cmp -s package-lock.json "$state/package-lock.json"; then
  if [ -d node_modules ] && node provision/same-packages.cjs; then
    mkdir -p "$state" && cp package-lock.json "$state/package-lock.json" || fail "cannot write to $PWD/$state"
  else
    install_packages
  fi
fi

if [ -x node_modules/.bin/node ]; then
  node=node_modules/.bin/node
  PATH=$PWD/node_modules/.bin:$PATH
  export PATH
elif node -e 'const [a, b] = process.versions.node.split("."); process.exit(a > 22 || (a == 22 && b >= 18) ? 0 : 1)' 2>/dev/null; then
  node=node
else
  fail "no Node >= 22.18 for $(uname -sm): the packages bring one for Linux on x64 and arm64 only, install one"
fi

# What `start` and `test` need beside packages was complete when the stamp was written, for this very home and
# cache, and nothing it was made from is newer.
in_place() {
  [ -f "$state/$1" ] || return 1
  { read -r cache && read -r worker; } <"$state/$1" || return 1
  [ "$cache" = "${MEDIASOUP_WORKER_BIN:-}:${XDG_CACHE_HOME:-}:${HOME:-}" ] || return 1
  [ -z "$worker" ] || [ -x "$worker" ] || return 1
  changed=$(find provision sfu/provision web-demo sdk/js protocol package-lock.json \
    \( -name node_modules -o -name dist \) -prune -o -newer "$state/$1" -print 2>/dev/null | head -n 1)
  [ -z "$changed" ]
}

case $command in
start)
  # Fewer services need less. What was put in place for all of them will do for each.
  name=start
  for word; do
    [ "$word" = --https ] || name=$name-$word
  done
  in_place start || in_place "$name" || "$node" provision/start.ts "$@"
  exec "$node" cli/src/main.ts start "$@"
  ;;
test)
  in_place test || "$node" provision/test-packages.ts
  exec "$node" provision/test.ts "$@"
  ;;
check) exec "$node" provision/check.ts "$@" ;;
doctor | drain) exec "$node" cli/src/main.ts "$command" "$@" ;;
bench)
  # A measurement says in its first lines how it is run; the other files there are what measurements share.
  benches=$(sed -n 's/^ \* *npm run bench \([a-z-]*\).*/\1/p' bench/*.ts | sort -u | tr '\n' ' ')
  name=${1:-}
  case " $benches" in
  *" ${name:-none} "*) shift ;;
  *) fail "${name:+there is no measurement $name; }usage: npm run bench <name>, one of: $benches" ;;
  esac
  exec "$node" "bench/$name.ts" "$@"
  ;;
*) fail "unknown command $command: start, test, check, doctor, drain or bench" ;;
esac
