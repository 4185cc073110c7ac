#!/bin/sh
# Runs nginx in a container and reloads it whenever the addresses of SITE_HOST or API_HOST, or the certificate,
# change. (nginx resolves names only once, at startup; before 1.27.3 it cannot re-resolve them while keeping
# connections open.)
#
# Settings, in the environment, and their defaults:
#   LISTEN             port, or address and port; a port by itself includes IPv6     80
#   SITE_HOST          host name of the servers' site listeners                      client
#   SITE_PORT                                                                        3000
#   API_HOST           host name of the servers' api listeners                       api
#   API_PORT                                                                         5000
#   BELIEVED_PROXIES   networks of the load balancers in front, separated by         none
#                      spaces; trusted to report the client's address
#   REQUESTS_PER_SECOND, REQUESTS_AT_ONCE, CONNECTIONS_PER_CLIENT                    in limits.env
#   RELOAD_PORT        in development, cargo-leptos's websocket on SITE_HOST         none
#   TLS_DIR            folder of the certificate                                     /tls
#   TLS_LISTEN         same as LISTEN, for TLS                                       443
#   TEMP_DIR           folder for everything that is written                         /tmp/nginx
#
# With tls.crt and tls.key in TLS_DIR, nginx serves HTTPS and redirects HTTP to it. A load balancer that
# terminates TLS itself must then be in BELIEVED_PROXIES.
#
# If a setting is invalid, this script prints a message and exits with code 2.
set -eu

here=$(dirname "$0")
LOOK_EVERY_S=2
# The "discard" port, where nothing listens: visitors get the page for servers that are down.
NOBODY=127.0.0.1:9

say() { echo "start.sh: $*" >&2; }

refuse() {
    say "$*"
    exit 2
}

# number NAME VALUE: exits unless the value is valid. Some of nginx's directives accept no larger numbers.
number() {
    case $2 in
        '' | 0* | *[!0-9]* | ??????*) ;;
        *) [ "$2" -gt 65535 ] || return 0 ;;
    esac
    refuse "$1 must be a whole number from 1 to 65535, not \"$2\""
}

# These functions print directives on one line, because the templates' comments contain the placeholders as well.

# listen LISTEN [PARAMETER]
listen() {
    printf 'listen %s%s; ' "$1" "${2:+ $2}"
    case $1 in
        *[!0-9]*) ;;
        *) [ ! -e /proc/net/if_inet6 ] || printf 'listen [::]:%s%s;' "$1" "${2:+ $2}" ;;
    esac
}

# servers ADDRESSES PORT
servers() {
    for address in $1; do
        printf 'server %s:%s max_fails=1 fail_timeout=2s; ' "$address" "$2"
    done
    [ -n "$1" ] || printf 'server %s;' "$NOBODY"
}

# addresses NAME: prints IPv6 addresses only if there are no IPv4 ones, because a server with both would be listed
# twice. Each look-up takes at most two seconds: a shutdown waits for it, and the next one follows soon.
addresses() {
    found=$(timeout 2 getent ahostsv4 "$1") || found=$(timeout 2 getent ahostsv6 "$1") || return 0
    echo "$found" | awk '{ print ($1 ~ /:/) ? "[" $1 "]" : $1 }' | sort -u | tr '\n' ' '
}

# Looks up the servers and the certificate. If the name server does not respond, the known addresses are kept.
look() {
    found=$(addresses "$SITE_HOST")
    site=${found:-$site}
    found=$(addresses "$API_HOST")
    api=${found:-$api}
    certificate=''
    [ ! -e "$TLS_DIR/tls.crt" ] || certificate=$(cksum "$TLS_DIR/tls.crt" "$TLS_DIR/tls.key" 2>&1 || true)
    state="$site, $api, $certificate"
}

report() { say "site: ${site:-nowhere }api: ${api:-nowhere }${certificate:+with TLS}"; }

fill_in() {
    # shellcheck disable=SC2016 # envsubst fills them in.
    envsubst '${LISTEN} ${TLS_LISTEN} ${TLS_DIR} ${SITE_SERVERS} ${API_SERVERS} ${RELOAD_UPSTREAM}
              ${REAL_IP_FROM} ${BELIEVED_PROXIES} ${REQUESTS_PER_SECOND} ${REQUESTS_AT_ONCE}
              ${CONNECTIONS_PER_CLIENT} ${PAGES} ${MORE} ${ACCESS_LOG} ${TEMP_DIR}' \
        <"$here/$1.template" >"$2/$1"
}

# Writes nginx's configuration. Fails if nginx rejects it, with the reason in $refusal.
configure() {
    SITE_SERVERS=$(servers "$site" "$SITE_PORT")
    API_SERVERS=$(servers "$api" "$API_PORT")
    export SITE_SERVERS API_SERVERS
    fill_in nginx.conf "$TEMP_DIR"
    rm -f "$MORE"/*.conf
    if [ -n "$RELOAD_PORT" ]; then
        export RELOAD_UPSTREAM="$NOBODY"
        [ -z "$site" ] || RELOAD_UPSTREAM="${site%% *}:$RELOAD_PORT"
        fill_in reload.conf "$MORE"
    fi
    [ ! -e "$TLS_DIR/tls.crt" ] || fill_in tls.conf "$MORE"
    refusal=$(nginx -e stderr -p "$TEMP_DIR" -c "$TEMP_DIR/nginx.conf" -t -q 2>&1)
}

# Reloads nginx after each change. nginx has replaced this shell and has its process id, $$.
reload_on_change() {
    set +e
    seen=$state
    while sleep "$LOOK_EVERY_S" && kill -0 $$ 2>/dev/null; do
        look
        # nginx does not handle the signal until it has written its pid file.
        if [ "$state" = "$seen" ] || [ ! -s "$TEMP_DIR/nginx.pid" ]; then continue; fi
        seen=$state
        if configure; then
            report
            kill -HUP $$
        else
            # Perhaps only one file of a new certificate has been written yet. The other will trigger another reload.
            say "kept the old configuration; nginx rejects the new one: $refusal"
        fi
    done
}

LISTEN=$(listen "${LISTEN:-80}") TLS_LISTEN=$(listen "${TLS_LISTEN:-443}" ssl)
export LISTEN TLS_LISTEN
export TLS_DIR="${TLS_DIR:-/tls}" TEMP_DIR="${TEMP_DIR:-/tmp/nginx}"
export PAGES="$here/pages" MORE="$TEMP_DIR/more" ACCESS_LOG=/dev/stdout
SITE_HOST=${SITE_HOST:-client} SITE_PORT=${SITE_PORT:-3000}
API_HOST=${API_HOST:-api} API_PORT=${API_PORT:-5000}
RELOAD_PORT=${RELOAD_PORT:-}
number SITE_PORT "$SITE_PORT"
number API_PORT "$API_PORT"
[ -z "$RELOAD_PORT" ] || number RELOAD_PORT "$RELOAD_PORT"
while IFS='=' read -r name default; do
    case $name in '#'*) continue ;; esac
    eval "value=\${$name:-$default}"
    # shellcheck disable=SC2154 # eval assigns it.
    number "$name" "$value"
    export "$name=$value"
done <"$here/limits.env"

proxies=${BELIEVED_PROXIES:-} REAL_IP_FROM='' BELIEVED_PROXIES=''
set -f
for network in $proxies; do
    case $network in
        *[!0-9A-Fa-f.:/]*) refuse "BELIEVED_PROXIES must be networks such as 10.0.0.0/8, not \"$network\"" ;;
    esac
    REAL_IP_FROM="$REAL_IP_FROM set_real_ip_from $network;"
    BELIEVED_PROXIES="$BELIEVED_PROXIES $network 1;"
done
set +f
export REAL_IP_FROM BELIEVED_PROXIES

# Process 1 of a container receives only the signals it handles, and looking up names may take a while.
trap 'exit 0' INT QUIT TERM
mkdir -p "$MORE"
rm -f "$TEMP_DIR/nginx.pid"
site='' api=''
look
if ! configure; then
    case $refusal in
        *set_real_ip_from* | *"invalid network"*) refuse "BELIEVED_PROXIES must be networks: $refusal" ;;
        *) refuse "nginx rejects its configuration: $refusal" ;;
    esac
fi
report
reload_on_change &
# With exec, signals reach nginx itself (QUIT lets requests finish), and its exit code becomes the container's.
exec nginx -e stderr -p "$TEMP_DIR" -c "$TEMP_DIR/nginx.conf" -g 'daemon off;'
