"""CloudFormation: properties that AWS refuses when it creates or changes a resource."""

import ipaddress
import re

from ministack.services import ec2
from ministack.services.cloudformation import stacks as lifecycle

import account

# Memory in MiB that Fargate supports with a number of CPU units.
FARGATE = {
    256: (512, 1024, 2048),
    512: range(1024, 4097, 1024),
    1024: range(2048, 8193, 1024),
    2048: range(4096, 16385, 1024),
    4096: range(8192, 30721, 1024),
}
RETENTION_DAYS = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653)
# Names that RDS for PostgreSQL reserves.
RESERVED_DATABASES = ("db", "rdsadmin", "template0", "template1")
RESERVED_USERS = ("admin", "postgres", "public", "rdsadmin", "rdsrepladmin", "rds_superuser", "user")


def refuse(service: str, code: str, reason: str) -> None:
    raise ValueError(f"{reason} (Service: {service}, Status Code: 400, Error Code: {code})")


def zones_of(subnets: list[str]) -> list[str]:
    known = {each["SubnetId"]: each for each in ec2._subnets.values()}
    return [known[subnet]["AvailabilityZone"] for subnet in subnets if subnet in known]


def check_task_definition(props: dict) -> None:
    containers = props["ContainerDefinitions"]

    def refuse_task(reason: str) -> None:
        refuse("AmazonECS", "ClientException", f"Invalid request provided: Create TaskDefinition: {reason}")

    if not props.get("ExecutionRoleArn"):
        if any(each.get("Secrets") for each in containers):
            refuse_task("When you are specifying container secrets, you must also specify a value for 'executionRoleArn'.")
        if any((each.get("LogConfiguration") or {}).get("LogDriver") == "awslogs" for each in containers):
            refuse_task("Fargate requires task definition to have execution role ARN to support log driver awslogs.")
    memory = int(props.get("Memory", 0))
    if "FARGATE" in props.get("RequiresCompatibilities", []):
        if memory not in FARGATE.get(int(props.get("Cpu", 0)), ()):
            refuse_task("No Fargate configuration exists for given values.")
        if sum(int(each.get("Memory", 0)) for each in containers) > memory:
            refuse_task("The total memory of the containers must not exceed the memory of the task.")
    for each in containers:
        variables = [variable["Name"] for variable in each.get("Environment") or []]
        for secret in each.get("Secrets") or []:
            if secret["Name"] in variables:
                refuse_task(
                    "The secret name must be unique and not shared with any new or existing environment variables set on"
                    f" the container, such as '{secret['Name']}'."
                )
            variables.append(secret["Name"])


def check_service(props: dict) -> None:
    if props.get("HealthCheckGracePeriodSeconds") and not props.get("LoadBalancers"):
        reason = "Health check grace period is only valid for services configured to use load balancers"
        refuse("AmazonECS", "InvalidParameterException", reason)


def check_balancer(props: dict) -> None:
    zones = zones_of(props.get("Subnets", []))
    if len(zones) > len(set(zones)):
        reason = "A load balancer cannot be attached to multiple subnets in the same Availability Zone"
        refuse("ElasticLoadBalancingV2", "InvalidConfigurationRequest", reason)
    if len(zones) < 2:
        reason = "At least two subnets in two different Availability Zones must be specified"
        refuse("ElasticLoadBalancingV2", "ValidationError", reason)
    check_balancer_name(props)


def check_balancer_name(props: dict) -> None:
    if len(name := props.get("Name", "")) > 32:
        refuse("ElasticLoadBalancingV2", "ValidationError", f"The name '{name}' cannot be longer than '32' characters")


def check_listener(props: dict) -> None:
    if props["Protocol"] == "HTTPS" and not props.get("Certificates"):
        refuse("ElasticLoadBalancingV2", "ValidationError", "A certificate must be specified for HTTPS listeners")


def check_security_group(props: dict) -> None:
    for rule in props.get("SecurityGroupIngress") or []:
        if network := rule.get("CidrIp"):
            try:
                # AWS ignores bits behind the prefix.
                ipaddress.IPv4Network(network, strict=False)
            except ValueError:
                refuse("Ec2", "InvalidParameterValue", f"CIDR block {network} is malformed")


def check_subnet_group(props: dict) -> None:
    zones = set(zones_of(props["SubnetIds"]))
    if len(zones) < 2:
        refuse(
            "Rds",
            "DBSubnetGroupDoesNotCoverEnoughAZs",
            "The DB subnet group doesn't meet Availability Zone (AZ) coverage requirement."
            f" Current AZ coverage: {', '.join(zones)}. Add subnets to cover at least 2 AZs.",
        )


def check_database(props: dict) -> None:
    account.check_backups(int(props.get("BackupRetentionPeriod", 1)))
    name, user, password = (props.get(key, "") for key in ("DBName", "MasterUsername", "MasterUserPassword"))
    for what, value, reserved in (("DBName", name, RESERVED_DATABASES), ("MasterUsername", user, RESERVED_USERS)):
        if value.lower() in reserved:
            reason = f"{what} {value} cannot be used as it is a reserved word used by the engine"
            refuse("Rds", "InvalidParameterValue", reason)
        if value and not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,62}", value):
            reason = f"{what} must begin with a letter and contain only alphanumeric characters"
            refuse("Rds", "InvalidParameterValue", reason)
    if password and not re.fullmatch(r"[!-~]{8,128}", password):
        refuse("Rds", "InvalidParameterValue", "The parameter MasterUserPassword is not a valid password.")
    if re.search(r"[/@\"]", password):
        reason = (
            "The parameter MasterUserPassword is not a valid password. Only printable ASCII characters besides '/', '@',"
            " '\"', ' ' may be used."
        )
        refuse("Rds", "InvalidParameterValue", reason)


def check_database_change(old: dict, new: dict) -> None:
    before, after = (int(str(props["EngineVersion"]).split(".")[0]) for props in (old, new))
    if after < before:
        reason = f"Cannot upgrade postgres from {old['EngineVersion']} to {new['EngineVersion']}"
        refuse("Rds", "InvalidParameterCombination", reason)
    if after > before and str(new.get("AllowMajorVersionUpgrade", "")).lower() != "true":
        reason = "The AllowMajorVersionUpgrade flag must be present when upgrading to a new major version."
        refuse("Rds", "InvalidParameterCombination", reason)


def check_replication_group(props: dict) -> None:
    def refuse_group(reason: str) -> None:
        refuse("ElastiCache", "InvalidParameterValue", reason)

    def is_true(name: str) -> bool:
        return str(props.get(name, "")).lower() == "true"

    if token := props.get("AuthToken"):
        if not is_true("TransitEncryptionEnabled"):
            refuse_group("AUTH token is only supported when encryption-in-transit is enabled.")
        if not re.fullmatch(r"[A-Za-z0-9!&#$^<>-]{16,128}", token):
            refuse_group("Invalid AUTH token provided. Please check valid AUTH token format.")
    if is_true("AutomaticFailoverEnabled") and int(props.get("ReplicasPerNodeGroup", 0)) < 1:
        refuse_group("Automatic failover is not supported for replication groups without replicas.")
    if is_true("MultiAZEnabled") and not is_true("AutomaticFailoverEnabled"):
        refuse_group("Must enable automatic failover for Multi-AZ.")


def check_replication_group_change(old: dict, new: dict) -> None:
    if (old.get("Engine"), new.get("Engine")) == ("valkey", "redis"):
        reason = "The engine of a replication group cannot be changed from valkey to redis."
        refuse("ElastiCache", "InvalidParameterCombination", reason)


def check_log_group(props: dict) -> None:
    if int(props.get("RetentionInDays", 1)) not in RETENTION_DAYS:
        refuse("CloudWatchLogs", "InvalidParameterException", "1 validation error detected: retentionInDays")
    if not re.fullmatch(r"[.\-_/#A-Za-z0-9]{1,512}", props.get("LogGroupName", "generated")):
        refuse("CloudWatchLogs", "InvalidParameterException", "1 validation error detected: logGroupName")


def check_environment(props: dict) -> None:
    name = props.get("EnvironmentName", "generated")
    if not re.fullmatch(r"[A-Za-z0-9](?!.*--$)[A-Za-z0-9-]{2,38}[A-Za-z0-9]", name):
        reason = f"Value {name} at 'EnvironmentName' failed to satisfy constraint: Member must have length from 4 to 40"
        refuse("ElasticBeanstalk", "InvalidParameterValue", reason)


def check_scalable_target(props: dict) -> None:
    if int(props["MinCapacity"]) > int(props["MaxCapacity"]):
        reason = "Maximum capacity cannot be less than minimum capacity"
        refuse("ApplicationAutoScaling", "ValidationException", reason)


CHECKS = {
    "AWS::ApplicationAutoScaling::ScalableTarget": check_scalable_target,
    "AWS::EC2::SecurityGroup": check_security_group,
    "AWS::ECS::Service": check_service,
    "AWS::ECS::TaskDefinition": check_task_definition,
    "AWS::ElastiCache::ReplicationGroup": check_replication_group,
    "AWS::ElasticBeanstalk::Environment": check_environment,
    "AWS::ElasticLoadBalancingV2::Listener": check_listener,
    "AWS::ElasticLoadBalancingV2::LoadBalancer": check_balancer,
    "AWS::ElasticLoadBalancingV2::TargetGroup": check_balancer_name,
    "AWS::Logs::LogGroup": check_log_group,
    "AWS::RDS::DBInstance": check_database,
    "AWS::RDS::DBSubnetGroup": check_subnet_group,
}
# With the old properties and the new ones.
CHANGES = {
    "AWS::ElastiCache::ReplicationGroup": check_replication_group_change,
    "AWS::RDS::DBInstance": check_database_change,
}


def accept(*_) -> None:
    """Accepts a type that has no checks."""


def patch() -> None:
    provision, update = lifecycle._provision_resource, lifecycle._update_resource

    # Gap: nearly everything is accepted.
    def provision_checked(kind, logical_id, props, stack):
        CHECKS.get(kind, accept)(props)
        return provision(kind, logical_id, props, stack)

    def update_checked(kind, physical_id, old, new, stack, *rest):
        if old != new:
            CHECKS.get(kind, accept)(new)
            CHANGES.get(kind, accept)(old, new)
        return update(kind, physical_id, old, new, stack, *rest)

    lifecycle._provision_resource = provision_checked
    lifecycle._update_resource = update_checked
