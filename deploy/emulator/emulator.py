"""A local AWS for the tests of deploy/: MiniStack in this process, with its gaps closed.

    python deploy/emulator/emulator.py --port 0 --folder DIR --prefix NAME

prints `listening at http://127.0.0.1:PORT` when it is ready. It listens on loopback alone. The names of all
containers, networks and volumes that it makes begin with NAME-; SIGTERM or SIGINT removes them and ends it.
What it remembers is in memory and in DIR.

Real, in containers of one Docker network that stands for the VPC:
  - RDS (postgres:MAJOR) and ElastiCache (redis:8), with TLS, passwords, and the names of AWS. The authorities
    are DIR/ca/*.pem. Every task and every container of Elastic Beanstalk has that folder as /ca, and the two
    where images keep AWS' own: /etc/ssl/certs/rds.pem and, for ElastiCache, ca-certificates.crt.
  - ECS tasks, from images that exist here or can be pulled: secrets, read-only root, tmpfs, capabilities,
    health checks; rolling deployments with circuit breaker and rollback; Service Connect as names in the
    network; logs in CloudWatch Logs (ecs.py, rollout.py).
  - the load balancer: each listener is a port on loopback, the balancer's DNSName is 127.0.0.1:PORT of the
    one for port 80. Targets are checked, answers are streamed (balancer.py). DIR/balancers.json has the ports
    of all listeners; that for 443 has a certificate of the authority DIR/ca/acm.pem:
    curl --cacert DIR/ca/acm.pem --connect-to example.org:443:127.0.0.1:PORT https://example.org
  - an instance of Elastic Beanstalk: the bundle is unpacked and started as the Docker and the ECS platform of
    Amazon Linux 2023 do it (beanstalk.py, instance.py).
  - ECR's registry, at this same address: docker push 127.0.0.1:PORT/fibstack/server.
  - what users may do by their policies (permissions.py); the key `test` is root's.
  - CloudFormation, S3, Secrets Manager, IAM's objects, CloudWatch' alarms: MiniStack's.

Not real: whatever stacks.py lists in METADATA_ONLY; what roles may do; security groups; the memory and
processor of a Fargate task; scaling (log filters make metrics and alarms go off, but nobody acts on them, and
silence is no alarm); `aws ecs execute-command`; replicas; backups; of an Elastic Beanstalk environment the
machine, its roles, its load balancer and what it streams to CloudWatch; hooks of a bundle that would change
the machine. Time is shorter: health checks run every second or two.
"""

import argparse
import asyncio
import os
import signal
import socket
import sys
from pathlib import Path


# Nothing is written beside the sources.
sys.dont_write_bytecode = True


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="A local AWS for the tests of deploy/.")
    parser.add_argument("--port", type=int, default=0, help="on loopback; 0 for any that is free")
    parser.add_argument("--folder", type=Path, required=True, help="of everything that is written")
    parser.add_argument("--prefix", required=True, help="what the names of containers begin with")
    return parser.parse_args()


def configure(port: int, folder: Path, prefix: str) -> None:
    """MiniStack reads its settings while it is imported."""
    os.environ.update(
        AUTH="true",
        GATEWAY_PORT=str(port),
        BIND_HOST="127.0.0.1",
        MINISTACK_HOST="127.0.0.1",
        DOCKER_NETWORK=f"{prefix}-vpc",
        MINISTACK_REGION=os.environ.get("AWS_DEFAULT_REGION", "eu-central-1"),
        MINISTACK_DOCKER_TIMEOUT="120",
        # A stream of events through the load balancer holds a thread.
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

    end = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, end.set)
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
    await hypercorn(announcing, config, shutdown_trigger=end.wait)
    announcement.cancel()


def main() -> None:
    given = arguments()
    folder = given.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", given.port))
    listener.listen(128)
    port = listener.getsockname()[1]
    configure(port, folder, given.prefix)

    # Only now: these import MiniStack.
    import balancer
    import beanstalk
    import databases
    import ecs
    import engine
    import metrics
    import permissions
    import registry
    import rollout
    import scaling
    import stacks

    machine = engine.Engine(given.prefix)
    machine.remove_everything()
    try:
        machine.make_network()
        databases.patch(folder / "ca", machine)
        permissions.patch()
        registry.patch(port)
        scaling.patch()
        stacks.patch()
        ecs.patch(folder / "ca", machine)
        rollout.patch()
        balancer.patch(folder)
        metrics.patch()
        beanstalk.patch(folder, machine, port)
        asyncio.run(serve(listener.detach(), port))
    finally:
        machine.is_ending = True
        machine.remove_everything()


if __name__ == "__main__":
    sys.exit(main())
