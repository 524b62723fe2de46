#!/bin/sh
# Prints a value now and after every change: sh follow.sh controlplane/values/failover/checkout
# It outlives whatever happens to Consul and never takes a known value away. Needs curl 7.84 or newer.
set -u
[ $# -eq 1 ] || { echo "usage: sh follow.sh controlplane/values/failover/GROUP" >&2; exit 2; }
url="http://${CONSUL_HTTP_ADDR:-127.0.0.1:8500}/v1/kv/$1"
newline='
'
token() { # on stdin of curl, so that it stands in no process list
    [ -z "${CONSUL_HTTP_TOKEN:-}" ] || printf 'header = "X-Consul-Token: %s"\n' "$CONSUL_HTTP_TOKEN"
}
random_below() { # a whole number below $1
    echo $(($(od -An -N2 -tu2 /dev/urandom) % $1))
}

index=0 known=no value='' pause=1
while :; do
    # Consul answers after at most 17/16 of the wait; who gives up earlier would never see the answer.
    if answer=$(token | curl --config - --silent --fail --max-time 40 \
        --write-out '\n%header{x-consul-index}' "$url?raw&wait=30s&index=$index"); then
        next=${answer##*"$newline"} read=${answer%"$newline"*} pause=1
        if [ "$next" -lt "$index" ]; then index=0; else index=$next; fi # lower: Consul went back
        if [ "$known" = no ] || [ "$read" != "$value" ]; then
            known=yes value=$read
            echo "$value" # here a service acts
        fi
    else
        index=0 # no answer, no leader or no such key: ask anew, and keep the value
        sleep "$((1 + $(random_below "$pause")))"
        pause=$((pause < 16 ? pause * 2 : 30))
    fi
done
