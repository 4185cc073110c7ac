#!/bin/sh
# Runs nginx in a container, and follows the servers: whenever the names SITE_HOST and API_HOST stand for other
# addresses than before, nginx is told. (It resolves names once, when it starts; only from 1.27.3 on could it
# follow them by itself and keep connections open.)
#
#   LISTEN             port, or address and port            80
#   SITE_HOST          name of the servers' site listeners  client
#   SITE_PORT                                               3000
#   API_HOST           name of their api listeners          api
#   API_PORT                                                5000
#   BELIEVED_PROXIES   networks of the load balancers in front, separated by blanks; they tell who the client is
#
# A certificate mounted as /tls/tls.crt with its key as /tls/tls.key opens port 443, too.
set -eu

here=$(dirname "$0")
export TEMP_DIR=/tmp/nginx
export PAGES="$here/pages" MORE="$TEMP_DIR/more" ACCESS_LOG=/dev/stdout LISTEN="${LISTEN:-80}"
site_host=${SITE_HOST:-client} site_port=${SITE_PORT:-3000}
api_host=${API_HOST:-api} api_port=${API_PORT:-5000}
proxies=${BELIEVED_PROXIES:-}
LOOK_EVERY_S=2

# servers NAME PORT: nginx' `server` directives for all addresses that the name stands for, on one line, since the
# template's comments name them, too. With none, a place where nobody listens: visitors get the page for that.
servers() {
    addresses=$(getent ahostsv4 "$1" | awk '{ print $1 }' | sort -u)
    for address in ${addresses:-127.0.0.1}; do
        if [ -n "$addresses" ]; then port=$2; else port=9; fi
        printf 'server %s:%s max_fails=1 fail_timeout=2s; ' "$address" "$port"
    done
}

configure() {
    export SITE_SERVERS="$1" API_SERVERS="$2"
    # shellcheck disable=SC2016 # envsubst fills them in.
    envsubst '${LISTEN} ${SITE_SERVERS} ${API_SERVERS} ${REAL_IP_FROM} ${BELIEVED_PROXIES} ${PAGES} ${MORE}
              ${ACCESS_LOG} ${TEMP_DIR}' <"$here/nginx.conf.template" >"$TEMP_DIR/nginx.conf"
}

REAL_IP_FROM='' BELIEVED_PROXIES=''
for network in $proxies; do
    REAL_IP_FROM="$REAL_IP_FROM set_real_ip_from $network;"
    BELIEVED_PROXIES="$BELIEVED_PROXIES $network 1;"
done
export REAL_IP_FROM BELIEVED_PROXIES

mkdir -p "$MORE"
rm -f "$MORE/tls.conf"
if [ -e /tls/tls.crt ]; then
    cat >"$MORE/tls.conf" <<'TLS'
listen 443 ssl;
http2 on;
ssl_certificate /tls/tls.crt;
ssl_certificate_key /tls/tls.key;
ssl_protocols TLSv1.2 TLSv1.3;
ssl_session_cache shared:tls:1m;
ssl_session_tickets off;
TLS
fi

site=$(servers "$site_host" "$site_port") api=$(servers "$api_host" "$api_port")
configure "$site" "$api"
set -- -e stderr -p "$TEMP_DIR" -c "$TEMP_DIR/nginx.conf"
nginx "$@" -t -q
nginx "$@" -g 'daemon off;' &
nginx=$!

# QUIT: requests finish first.
trap 'kill -QUIT "$nginx" 2>/dev/null' TERM INT QUIT
while kill -0 "$nginx" 2>/dev/null; do
    sleep "$LOOK_EVERY_S" &
    wait $! || true
    site_now=$(servers "$site_host" "$site_port") api_now=$(servers "$api_host" "$api_port")
    if [ "$site_now" != "$site" ] || [ "$api_now" != "$api" ]; then
        site=$site_now api=$api_now
        configure "$site" "$api"
        if nginx "$@" -t -q; then kill -HUP "$nginx"; fi
    fi
done
wait "$nginx"
