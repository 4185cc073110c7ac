"""A local AWS for the tests of deploy/: MiniStack in this process, with its gaps closed.

    python deploy/emulator/emulator.py --port 0 --folder DIR --prefix NAME

prints `listening at http://127.0.0.1:PORT` when it is ready, and listens only on loopback. The names of all
containers, networks and volumes it creates begin with NAME-. SIGTERM or SIGINT removes them and stops it.
Its state is kept in memory and in DIR.

Real, in containers of one Docker network that stands for the VPC:
  - RDS (postgres:MAJOR) and ElastiCache (redis:8), with TLS, passwords and AWS's host names. DIR/ca/*.pem are
    their certificate authorities. Every task and every Elastic Beanstalk container has that folder as /ca, and
    finds the two authorities where the images keep AWS's own: /etc/ssl/certs/rds.pem, and ca-certificates.crt
    for ElastiCache (databases.py).
  - ECS tasks, from images that exist here or can be pulled: secrets, read-only root, tmpfs, capabilities,
    health checks; rolling deployments with circuit breaker and rollback; Service Connect as names in the
    network; logs in CloudWatch Logs (ecs.py, rollout.py).
  - the load balancer: each listener is a port on loopback, and the balancer's DNSName is the address of the one
    for port 80, 127.0.0.1:PORT. Targets are health-checked and responses streamed (balancer.py).
    DIR/balancers.json lists the ports of all listeners. The one for 443 has a certificate by DIR/ca/acm.pem:
    curl --cacert DIR/ca/acm.pem --connect-to example.org:443:127.0.0.1:PORT https://example.org
  - an Elastic Beanstalk instance: the bundle is unpacked and started as the Docker and ECS platforms of
    Amazon Linux 2023 do (environment.py, instance.py).
  - ECR's registry, at this same address: docker push 127.0.0.1:PORT/fibstack/server.
  - what users may do, by their policies (permissions.py); the key `test` belongs to the root user. What roles may do,
    by theirs and by their boundary, and who may assume them (roles.py): CloudFormation's (stack_roles.py), ECS's and
    the tasks' (ecs.py), those of an Elastic Beanstalk environment and its instances (environment.py).
  - what AWS refuses: see deploy/tests/refusals/refusals.py.
  - metrics and alarms from log lines (metrics.py).
  - CloudFormation, S3, Secrets Manager, IAM's objects: MiniStack's.

Not real: whatever stacks.py lists in METADATA_ONLY; security groups; the memory and CPU of a Fargate task; scaling
(alarms go off, but nothing acts on them, and missing data is no alarm); `aws ecs execute-command`; replicas; backups;
an Elastic Beanstalk environment's machine, load balancer and CloudWatch streams; hooks of a bundle that would change
the machine. Time is shorter: health checks run every second or two.
"""

import argparse
import asyncio
import os
import signal
import socket
import sys
from pathlib import Path

# Keeps __pycache__ out of the source tree.
sys.dont_write_bytecode = True


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="A local AWS for the tests of deploy/.")
    parser.add_argument("--port", type=int, default=0, help="port on loopback; 0 picks a free one")
    parser.add_argument("--folder", type=Path, required=True, help="where everything is written")
    parser.add_argument("--prefix", required=True, help="prefix of all container names")
    parser.add_argument("--plan", choices=("free", "paid"), default="paid", help="plan of the account")
    return parser.parse_args()


def configure(port: int, folder: Path, prefix: str) -> None:
    """Sets MiniStack's environment variables, which it reads when it is imported."""
    os.environ.update(
        AUTH="true",
        GATEWAY_PORT=str(port),
        BIND_HOST="127.0.0.1",
        MINISTACK_HOST="127.0.0.1",
        DOCKER_NETWORK=f"{prefix}-vpc",
        MINISTACK_REGION=os.environ.get("AWS_DEFAULT_REGION", "eu-central-1"),
        MINISTACK_DOCKER_TIMEOUT="120",
        # Each event stream through the load balancer occupies a thread.
        MINISTACK_WORKER_THREADS="256",
        RDS_TMPFS_SIZE="512m",
        STATE_DIR=str(folder / "state"),
        S3_DATA_DIR=str(folder / "s3"),
        IOT_MTLS_ENABLED="0",
        SFTP_ENABLED="0",
        LOG_LEVEL=os.environ.get("LOG_LEVEL", "INFO"),
    )


async def serve(descriptor: int, port: int) -> None:
    from hypercorn.asyncio import serve as hypercorn
    from hypercorn.config import Config
    from ministack.app import app

    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    config = Config()
    config.bind = [f"fd://{descriptor}"]
    config.keep_alive_timeout = 75
    config.graceful_timeout = 1
    config.loglevel = "WARNING"
    started = asyncio.Event()

    async def announcing(scope, receive, send):
        if scope["type"] != "lifespan":
            return await app(scope, receive, send)

        async def sending(message):
            await send(message)
            if message["type"] == "lifespan.startup.complete":
                started.set()

        await app(scope, receive, sending)

    async def announce():
        await started.wait()
        print(f"listening at http://127.0.0.1:{port}", flush=True)

    announcement = asyncio.create_task(announce())
    await hypercorn(announcing, config, shutdown_trigger=stop.wait)
    announcement.cancel()


def main() -> None:
    options = arguments()
    folder = options.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", options.port))
    listener.listen(128)
    port = listener.getsockname()[1]
    configure(port, folder, options.prefix)

    # These import MiniStack, so they must come after configure().
    import account
    import balancer
    import beanstalk
    import beanstalk_api
    import databases
    import deletions
    import ecs
    import metrics
    import permissions
    import property_checks
    import registry
    import roles
    import rollout
    import scaling
    import stack_roles
    import stacks
    from engine import Engine

    engine = Engine(options.prefix)
    engine.remove_everything()
    try:
        engine.create_network()
        databases.patch(folder / "ca", engine)
        account.patch(options.plan)
        permissions.patch()
        roles.patch()
        registry.patch(port)
        scaling.patch()
        stacks.patch()
        deletions.patch()
        property_checks.patch()
        stack_roles.patch()
        ecs.patch(folder / "ca", engine)
        rollout.patch()
        balancer.patch(folder)
        metrics.patch()
        beanstalk.patch(folder, engine)
        beanstalk_api.patch(port)
        asyncio.run(serve(listener.detach(), port))
    finally:
        engine.is_stopping = True
        engine.remove_everything()


if __name__ == "__main__":
    sys.exit(main())
