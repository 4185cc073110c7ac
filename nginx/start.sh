#!/bin/sh
# Runs nginx in a container, and follows the servers: whenever the names SITE_HOST and API_HOST stand for
# other addresses than before, nginx is told. (It resolves names once, when it starts; only from 1.27.3 on
# could it follow them by itself and keep connections open.) It is told of a renewed certificate, too.
#
# Settings, in the environment, and their defaults:
#   LISTEN             port, or address and port; a port alone is open to IPv6, too  80
#   SITE_HOST          name of the servers' site listeners                           client
#   SITE_PORT                                                                        3000
#   API_HOST           name of their api listeners                                   api
#   API_PORT                                                                         5000
#   BELIEVED_PROXIES   networks of the load balancers in front, separated by         none
#                      blanks; they tell who the client is
#   REQUESTS_PER_SECOND, REQUESTS_AT_ONCE, CONNECTIONS_PER_CLIENT                    in limits.env
#   RELOAD_PORT        in development, cargo-leptos' websocket on SITE_HOST          none
#   TLS_DIR            folder of the certificate                                     /tls
#   TLS_LISTEN         as LISTEN, for TLS                                            443
#   TEMP_DIR           folder of everything that is written                          /tmp/nginx
#
# With tls.crt and its tls.key in TLS_DIR there is TLS, and people who come without are sent there. Load
# balancers that speak TLS themselves must then be among BELIEVED_PROXIES.
#
# It tells what is wrong with a setting, and ends with 2.
set -eu

here=$(dirname "$0")
LOOK_EVERY_S=2
# The port of "discard": nobody listens there, and visitors get the page for that.
NOBODY=127.0.0.1:9

say() { echo "start.sh: $*" >&2; }

refuse() {
    say "$*"
    exit 2
}

# number NAME VALUE: nginx takes no larger ones everywhere.
number() {
    case $2 in
        '' | 0* | *[!0-9]* | ??????*) ;;
        *) [ "$2" -gt 65535 ] || return 0 ;;
    esac
    refuse "$1 must be a whole number from 1 to 65535, not \"$2\""
}

# Directives are on one line: the templates' comments name their placeholders, too.

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

# addresses NAME: those of IPv6 only where there are no others, for a server with both would be there twice.
# No longer than two seconds each: a stop waits for it, and it is asked again soon.
addresses() {
    found=$(timeout 2 getent ahostsv4 "$1") || found=$(timeout 2 getent ahostsv6 "$1") || return 0
    echo "$found" | awk '{ print ($1 ~ /:/) ? "[" $1 "]" : $1 }' | sort -u | tr '\n' ' '
}

# Where the servers are, and which certificate. A name server that does not answer takes no servers away.
look() {
    found=$(addresses "$SITE_HOST")
    site=${found:-$site}
    found=$(addresses "$API_HOST")
    api=${found:-$api}
    certificate=''
    [ ! -e "$TLS_DIR/tls.crt" ] || certificate=$(cksum "$TLS_DIR/tls.crt" "$TLS_DIR/tls.key" 2>&1 || true)
    state="$site, $api, $certificate"
}

tell() { say "site: ${site:-nowhere }api: ${api:-nowhere }${certificate:+with TLS}"; }

fill_in() {
    # shellcheck disable=SC2016 # envsubst fills them in.
    envsubst '${LISTEN} ${TLS_LISTEN} ${TLS_DIR} ${SITE_SERVERS} ${API_SERVERS} ${RELOAD_UPSTREAM}
              ${REAL_IP_FROM} ${BELIEVED_PROXIES} ${REQUESTS_PER_SECOND} ${REQUESTS_AT_ONCE}
              ${CONNECTIONS_PER_CLIENT} ${PAGES} ${MORE} ${ACCESS_LOG} ${TEMP_DIR}' \
        <"$here/$1.template" >"$2/$1"
}

# Writes nginx' configuration. Fails if nginx refuses it, which is then in $refusal.
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

# Tells nginx, which has taken the place and the id of this shell, what has changed.
follow() {
    set +e
    seen=$state
    while sleep "$LOOK_EVERY_S" && kill -0 $$ 2>/dev/null; do
        look
        # Before it has written its id, it would not understand.
        if [ "$state" = "$seen" ] || [ ! -s "$TEMP_DIR/nginx.pid" ]; then continue; fi
        seen=$state
        if configure; then
            tell
            kill -HUP $$
        else
            # One half of a new certificate, maybe; the other will be a change, too.
            say "nginx goes on as it was, for it refuses what is new: $refusal"
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
        *[!0-9A-Fa-f.:/]*) refuse "BELIEVED_PROXIES are networks such as 10.0.0.0/8, not \"$network\"" ;;
    esac
    REAL_IP_FROM="$REAL_IP_FROM set_real_ip_from $network;"
    BELIEVED_PROXIES="$BELIEVED_PROXIES $network 1;"
done
set +f
export REAL_IP_FROM BELIEVED_PROXIES

# The first process of a container hears only what it asked to hear, and looking names up may take a while.
trap 'exit 0' INT QUIT TERM
mkdir -p "$MORE"
rm -f "$TEMP_DIR/nginx.pid"
site='' api=''
look
if ! configure; then
    case $refusal in
        *set_real_ip_from* | *"invalid network"*) refuse "not a network in BELIEVED_PROXIES: $refusal" ;;
        *) refuse "nginx refuses its configuration: $refusal" ;;
    esac
fi
tell
follow &
# So signals are nginx' own affair (QUIT lets requests finish), and its exit code is the container's.
exec nginx -e stderr -p "$TEMP_DIR" -c "$TEMP_DIR/nginx.conf" -g 'daemon off;'
