"""Application Load Balancers: listeners on loopback, health checks of the targets."""

import asyncio
import http.client
import json
import random
import socket
import threading
import time
from pathlib import Path

from hypercorn.asyncio import serve
from hypercorn.config import Config
from ministack import app
from ministack.core.responses import request_scope
from ministack.core.x509_utils import generate_ca, sign_leaf_certificate
from ministack.services import acm, alb
from ministack.services.cloudformation import provisioners

LISTENER = "AWS::ElasticLoadBalancingV2::Listener"
BALANCER = "AWS::ElasticLoadBalancingV2::LoadBalancer"
CHECK_INTERVAL_S = 1.0
AUTHORITY = generate_ca(org_name="Amazon", common_name="Amazon Root CA")

# By target group and address: consecutive successful checks; negative for failed ones.
streaks: dict[tuple[str, str], int] = {}
states: dict[tuple[str, str], str] = {}
# By balancer and listener port: the port on loopback.
ports: dict[str, dict[int, int]] = {}
# By balancer: set to shut its listeners down.
shutdowns: dict[str, list[asyncio.Event]] = {}
# By balancer and listener port: the bound socket, until it is served.
sockets: dict[tuple[str, int], socket.socket] = {}


def target_state(group: str, address: str) -> str:
    return states.get((group, address), "initial")


def check(group: dict, address: str, port: int) -> bool:
    timeout = float(group.get("HealthCheckTimeoutSeconds") or 5)
    connection = http.client.HTTPConnection(address, port, timeout=timeout)
    try:
        connection.request("GET", group.get("HealthCheckPath") or "/")
        return str(connection.getresponse().status) in group["Matcher"]["HttpCode"].split(",")
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def record(group: dict, key: tuple[str, str], succeeded: bool) -> None:
    streak = streaks.get(key, 0)
    streaks[key] = max(streak, 0) + 1 if succeeded else min(streak, 0) - 1
    if streaks[key] >= int(group.get("HealthyThresholdCount") or 5):
        states[key] = "healthy"
    elif -streaks[key] >= int(group.get("UnhealthyThresholdCount") or 2):
        states[key] = "unhealthy"


def check_forever() -> None:
    while True:
        registered = set()
        for (account, region, arn), group in alb._tgs.all_items():
            with request_scope(account, region):
                targets = list(alb._targets.get(arn, []))
            for target in targets:
                key = (arn, target["Id"])
                registered.add(key)
                record(group, key, check(group, target["Id"], int(target.get("Port") or group["Port"])))
        for key in set(streaks) - registered:
            streaks.pop(key, None)
            states.pop(key, None)
        time.sleep(CHECK_INTERVAL_S)


async def respond(scope, receive, send, balancer: dict, port: int) -> None:
    """Responds to one request by the listener's rules."""
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    query = scope.get("query_string", b"").decode("latin-1")
    region, account = balancer["LoadBalancerArn"].split(":")[3:5]
    with request_scope(account, region):
        response = await alb.dispatch_request(
            balancer,
            scope["method"],
            scope["path"],
            headers,
            body,
            app.parse_qs(query, keep_blank_values=True),
            port,
            client_ip=scope["client"][0],
            raw_query_string=query,
            raw_path=scope.get("raw_path", b"").decode("latin-1").split("?")[0] or None,
        )
    await app._send_if_handled(send, response, receive, head=scope["method"] == "HEAD")


def open_port(arn: str, port: int) -> socket.socket:
    listener = sockets.get((arn, port))
    if listener is None:
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        sockets[arn, port] = listener
        ports.setdefault(arn, {})[port] = listener.getsockname()[1]
    return listener


def certificate(folder: Path, arn: str) -> tuple[str, str]:
    """Writes a certificate for the names of one in ACM and returns its files. DIR/ca/acm.pem is its authority."""
    names = acm._certificates[arn]["SubjectAlternativeNames"]
    leaf, key, _ = sign_leaf_certificate(*AUTHORITY, common_name=names[0], san_dns=names)
    (folder / "ca" / "acm.pem").write_text(AUTHORITY[0])
    files = [folder / f"{names[0]}.{kind}.pem" for kind in ("certificate", "key")]
    for file, text in zip(files, (leaf, key), strict=True):
        file.touch(mode=0o600)
        file.write_text(text)
    return str(files[0]), str(files[1])


def serve_port(folder: Path, arn: str, port: int, certificate_arn: str | None) -> None:
    balancer = alb._lbs[arn]

    async def application(scope, receive, send):
        if scope["type"] == "lifespan":
            while (await receive())["type"] != "lifespan.shutdown":
                await send({"type": "lifespan.startup.complete"})
            await send({"type": "lifespan.shutdown.complete"})
        elif scope["type"] == "http":
            await respond(scope, receive, send, balancer, port)

    open_port(arn, port)
    listener = sockets.pop((arn, port))
    listener.listen(128)
    config = Config()
    config.bind = [f"fd://{listener.detach()}"]
    config.loglevel = "WARNING"
    if certificate_arn:
        config.certfile, config.keyfile = certificate(folder, certificate_arn)
    (folder / "balancers.json").write_text(json.dumps(ports))
    shutdown = asyncio.Event()
    shutdowns.setdefault(arn, []).append(shutdown)
    config.graceful_timeout = 1
    loop = app._MAIN_LOOP
    loop.call_soon_threadsafe(
        lambda: loop.create_task(serve(application, config, shutdown_trigger=shutdown.wait))
    )


def patch(folder: Path) -> None:
    create_balancer = provisioners._RESOURCE_HANDLERS[BALANCER]["create"]
    create_listener = provisioners._RESOURCE_HANDLERS[LISTENER]["create"]

    # Gap: the balancer's DNS name does not resolve on this machine.
    def create_reachable(logical_id, props, stack):
        arn, attributes = create_balancer(logical_id, props, stack)
        host = f"127.0.0.1:{open_port(arn, 80).getsockname()[1]}"
        alb._lbs[arn]["DNSName"] = attributes["DNSName"] = host
        return arn, attributes

    # Gap: listeners open no port.
    def create_and_serve(logical_id, props, stack):
        created = create_listener(logical_id, props, stack)
        certificates = props.get("Certificates") or [{}]
        balancer, port = props["LoadBalancerArn"], int(props["Port"])
        serve_port(folder, balancer, port, certificates[0].get("CertificateArn"))
        return created

    delete_balancer = provisioners._RESOURCE_HANDLERS[BALANCER]["delete"]

    def delete_and_close(arn, props):
        delete_balancer(arn, props)
        ports.pop(arn, None)
        for shutdown in shutdowns.pop(arn, []):
            app._MAIN_LOOP.call_soon_threadsafe(shutdown.set)

    provisioners._RESOURCE_HANDLERS[BALANCER].update(create=create_reachable, delete=delete_and_close)
    provisioners._RESOURCE_HANDLERS[LISTENER]["create"] = create_and_serve

    forward = alb._forward_to_tg

    # Gap: targets are not checked. As on AWS, requests go to all of them if none is healthy.
    async def forward_to_healthy(arn, *request):
        registered = alb._targets.get(arn, [])
        healthy = [each for each in registered if target_state(arn, each["Id"]) == "healthy"]
        if not healthy:
            return await forward(arn, *request)
        method, path, headers, body, query, raw_query, raw_path = request
        return await alb._proxy_http_target(
            random.choice(healthy), alb._tgs[arn], method, raw_path or path, headers, body, query, raw_query
        )

    alb._forward_to_tg = forward_to_healthy
    # Gap: it drops the port from the Host header. The port is not 80 here, so pages would not know their origin.
    alb._target_host_header = lambda host, port: host

    describe = alb._describe_target_health

    # Gap: every target is reported as healthy.
    def describe_checked(params):
        status, headers, body = describe(params)
        arn = alb._p(params, "TargetGroupArn")
        text = body.decode() if isinstance(body, bytes) else body
        for target in alb._targets.get(arn, []):
            head, mark, tail = text.partition(f"<Id>{target['Id']}</Id>")
            tail = tail.replace(">healthy<", f">{target_state(arn, target['Id'])}<", 2)
            text = head + mark + tail
        return status, headers, text.encode()

    alb._describe_target_health = describe_checked
    alb._ACTION_MAP["DescribeTargetHealth"] = describe_checked
    threading.Thread(target=check_forever, daemon=True).start()
