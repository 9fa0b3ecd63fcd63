#!/bin/sh
# coturn in the place of our TURN service: reads the settings of that (.env.example), writes them as coturn's options, and
# becomes coturn. Runs in coturn's own image (docker-compose.yml, profile coturn) and beside any coturn since 4.6.
#
# The options are a file because everybody on a machine sees the arguments of a process, and the secret is among them.
# Options that one version knows and another does not cost a warning in its log, nothing else.
set -eu

fail() {
  printf 'coturn: %s\n' "$1" >&2
  exit 1
}

[ -n "${TURN_SECRET:-}" ] || fail 'set TURN_SECRET to the same long random string for coturn and for signalling'
[ -n "${TURN_ADDRESSES:-${ANNOUNCED_ADDRESS:-}}" ] ||
  fail 'set ANNOUNCED_ADDRESS to the IP address clients reach this machine at'
[ "${TURN_PEERS:-sfu}" = sfu ] ||
  fail 'only TURN_PEERS=sfu is put into words coturn understands: for public write your own options'

relay_ports=${TURN_RELAY_PORTS:-49152-65535}
tls_ports=${TURN_TLS_PORTS:-5349}
# Where coturn listens when the address clients reach is its router's.
local_address=${COTURN_ADDRESS:-}

items() { printf '%s\n' "$1" | tr ',' '\n' | sed 's/^ *//; s/ *$//; /^$/d'; }
# `[2001:db8::7]:40000-40003` and `10.0.0.5:40000` without port and brackets.
address_of() { printf '%s\n' "$1" | sed -E 's/:[0-9-]+$//; s/^\[(.*)\]$/\1/'; }

options() {
  echo 'use-auth-secret'
  items "$TURN_SECRET" | sed 's/^/static-auth-secret=/'
  echo 'realm=trunkline'

  for address in $(items "${TURN_ADDRESSES:-$ANNOUNCED_ADDRESS}"); do
    here=$address
    case $address in *:*) ;; *) here=${local_address:-$address} ;; esac
    echo "listening-ip=$here"
    echo "relay-ip=$here"
    [ "$here" = "$address" ] || echo "external-ip=$address/$here"
  done
  echo "listening-port=${TURN_PORT:-3478}"
  echo "min-port=${relay_ports%-*}"
  echo "max-port=${relay_ports#*-}"

  if [ -n "${TLS_CERT:-}" ] && [ -n "${TLS_KEY:-}" ]; then
    echo "cert=$TLS_CERT"
    echo "pkey=$TLS_KEY"
    echo "tls-listening-port=${tls_ports%%,*}"
    # It has one TLS port and takes TLS on any other too.
    for port in $(items "$tls_ports" | tail -n +2); do
      for address in $(items "${TURN_ADDRESSES:-$ANNOUNCED_ADDRESS}"); do
        case $address in *:*) echo "aux-server=[$address]:$port" ;; *) echo "aux-server=${local_address:-$address}:$port" ;; esac
      done
    done
  else
    echo 'no-tls'
  fi
  echo 'no-dtls'

  # Nobody but the SFU is relayed to, as by our own service; but coturn tells peers by their address alone, not by port.
  echo 'denied-peer-ip=0.0.0.0-255.255.255.255'
  echo 'denied-peer-ip=::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'
  echo "allowed-peer-ip=${ANNOUNCED_ADDRESS:-}" | grep -v '=$' || true
  for peer in $(items "${TURN_ALLOWED_PEERS:-}"); do echo "allowed-peer-ip=$(address_of "$peer")"; done
  echo 'no-multicast-peers'
  echo 'no-tcp-relay'
  # For a try on one machine, where the SFU is on loopback.
  case ${ANNOUNCED_ADDRESS:-} in 127.* | ::1) echo 'allow-loopback-peers' ;; esac

  # The limits of turn/src/limits.ts, as far as it has the like: per user, in all, and in bytes per second.
  echo 'user-quota=32'
  echo 'total-quota=4096'
  echo 'max-bps=5000000'
  echo 'bps-capacity=125000000'
  echo 'stale-nonce=900'
  echo "max-allocate-lifetime=3600"

  echo 'no-cli'
  echo 'no-rfc5780'
  echo 'no-stun-backward-compatibility'
  echo 'no-software-attribute'
  echo 'log-file=stdout'
  echo 'simple-log'
}

umask 077
file=$(mktemp "${TMPDIR:-/tmp}/coturn.XXXXXX")
options >"$file"
exec turnserver -c "$file" --pidfile "$file.pid" "$@"
