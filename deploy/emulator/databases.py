"""RDS and ElastiCache as CloudFormation creates them: containers with the host names that AWS would use."""

import time
from pathlib import Path

from ministack.core.x509_utils import sign_leaf_certificate
from ministack.services import elasticache, rds
from ministack.services.cloudformation import provisioners

from engine import Engine

INSTANCE = "AWS::RDS::DBInstance"


def database_host(instance: str, region: str) -> str:
    return f"{instance}.emulated.{region}.rds.amazonaws.com"


def board_host(group: str, region: str) -> str:
    return f"master.{group}.emulated.{region}.cache.amazonaws.com"


def authority_mounts(authorities: Path) -> list[str]:
    """Volumes that replace AWS's certificate authorities: RDS's own file, and the system's for ElastiCache."""
    return [
        f"{authorities}:/ca:ro",
        f"{authorities / 'rds.pem'}:/etc/ssl/certs/rds.pem:ro",
        f"{authorities / 'elasticache.pem'}:/etc/ssl/certs/ca-certificates.crt:ro",
    ]


def aliases(labels: dict) -> list[str]:
    """Host names of a database's container."""
    if "db_id" in labels:
        return [database_host(labels["db_id"], labels["region"])]
    if "rg_id" in labels:
        return [board_host(labels["rg_id"], labels["region"])]
    return []


def create_instance(logical_id: str, props: dict, stack: str) -> tuple[str, dict]:
    name = props.get("DBInstanceIdentifier") or provisioners._physical_name(
        stack, logical_id, lowercase=True, max_len=63
    )
    groups = {"VpcSecurityGroupIds": props.get("VPCSecurityGroups") or []}
    request = {key: value for key, value in props.items() if key not in ("VPCSecurityGroups", "Tags")}
    provisioners._rds_call(
        rds._create_db_instance,
        provisioners._ec_query({**request, **groups, "DBInstanceIdentifier": name}),
        INSTANCE,
        "create",
    )
    instance = rds._instances[name]
    instance["TagList"] = props.get("Tags") or []
    while instance["DBInstanceStatus"] == "creating":
        time.sleep(0.2)
    if instance["DBInstanceStatus"] != "available":
        raise ValueError(f"{INSTANCE} {name} is {instance['DBInstanceStatus']}")
    region = instance["DBInstanceArn"].split(":")[3]
    instance["Endpoint"] = {
        "Address": database_host(name, region),
        "Port": 5432,
        "HostedZoneId": "Z1RLNUO7B9Q6NB",
    }
    return name, provisioners._rds_db_instance_attrs(instance)


def reject_protected(name: str) -> None:
    if (rds._instances.get(name) or {}).get("DeletionProtection"):
        raise ValueError(
            "Cannot delete protected DB Instance, please disable deletion protection and try again."
            " (Service: Rds, Status Code: 400)"
        )


def snapshot_instance(name: str, props: dict) -> None:
    reject_protected(name)
    take_snapshot(name, props)


def delete_instance(name: str, props: dict) -> None:
    reject_protected(name)
    if name in rds._instances:
        request = {"DBInstanceIdentifier": name, "SkipFinalSnapshot": "true"}
        provisioners._rds_call(rds._delete_db_instance, request, INSTANCE, "delete")


take_snapshot = provisioners._rds_db_instance_snapshot


def patch(authorities: Path, engine: Engine) -> None:
    authorities.mkdir(parents=True, exist_ok=True)
    (authorities / "rds.pem").write_text(rds.pg_ca_cert_pem())
    (authorities / "elasticache.pem").write_text(elasticache._ensure_serverless_ca()[0])
    engine.aliases.append(aliases)

    # Gap: a stack's database is only a record. Nothing runs, and deletion protection is ignored.
    provisioners._rds_db_instance_create = create_instance
    provisioners._rds_db_instance_delete = delete_instance
    provisioners._RESOURCE_HANDLERS[INSTANCE].update(
        create=create_instance, delete=delete_instance, snapshot=snapshot_instance
    )

    image_of = rds._docker_image_for_engine

    # Gap: it uses the Alpine image.
    def official_image(*args):
        image, *rest = image_of(*args)
        return (image and image.removesuffix("-alpine"), *rest)

    rds._docker_image_for_engine = official_image

    run = rds._run_rds_container

    # Gap: the certificate lacks the host name. The first name becomes its subject, of at most 64 bytes.
    def run_with_names(client, database_engine, options, tls_names=(), tls_ips=()):
        names = ["localhost", *tls_names, *aliases(options["labels"])]
        return run(client, database_engine, options, tls_names=names, tls_ips=tls_ips)

    rds._run_rds_container = run_with_names

    # Gap: it needs an image for each engine and version. Clients cannot tell Valkey from Redis, so one image is enough.
    elasticache._engine_image_and_port = lambda name, version: ("redis:8", 6379)
    # Gap: the wrapper runs an entry point that not every image has. Only root can read the files copied in.
    elasticache._NODE_TLS_WRAPPER = (
        f"d={elasticache._NODE_TLS_DIR}; "
        'while [ ! -e "$d/ready" ]; do sleep 0.1; done; '
        'exec redis-server --bind 0.0.0.0 --protected-mode no --rename-command CONFIG "" "$@"'
    )
    spawn = elasticache._spawn_redis_container

    # Gap: as with RDS, the certificate lacks the host name.
    def install_with_names(container, name, address):
        names = ["localhost", name, *aliases(container.labels)]
        authority, key = elasticache._ensure_serverless_ca()
        leaf, leaf_key, _ = sign_leaf_certificate(
            authority, key, common_name="localhost", san_dns=names, san_ips=["127.0.0.1", address]
        )
        archive = elasticache._serverless_tls_archive(authority, leaf, leaf_key, "")
        if not container.put_archive("/", archive):
            raise RuntimeError(f"failed to install the certificate of {name}")

    elasticache._install_node_tls = install_with_names

    # Gap: the endpoint is an IP address, which changes when the container is replaced.
    def spawn_named(name, labels, **rest):
        _, _, container = spawn(name=name, labels=labels, **rest)
        client = elasticache._node_cli_args(rest.get("transit"), rest.get("auth_token"))
        if not container or not elasticache._wait_redis_ready(
            engine.client.containers.get(container), 30, client
        ):
            raise RuntimeError(f"{name} did not start; see its log")
        return board_host(labels["rg_id"], labels["region"]), 6379, container

    elasticache._spawn_redis_container = spawn_named
