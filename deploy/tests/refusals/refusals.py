"""The emulator refuses what AWS refuses, according to its documentation and to reports of others.

Each test deploys something wrong, usually one of our templates as it was before it was corrected.
"""

import io
import itertools
import json
import time
import unittest
import zipfile

from botocore.exceptions import ClientError

from account import (
    ACCOUNT,
    REGION,
    access,
    changed,
    client,
    create,
    other_architecture,
    outputs,
    read,
    token,
    update,
    user_with,
    without_statement,
)

ACCESS = read("access.yaml")
OPERATIONS = read("operations.yaml")
ENVIRONMENT = read("tests/refusals/environment.yaml")
# The emulator needs this for ElastiCache, too.
IMAGE = "redis:8"
NUMBERS = itertools.count()


def version(application: str, dockerrun: dict) -> None:
    """Registers a version `one` of an application for the ECS platform."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as bundle:
        bundle.writestr("Dockerrun.aws.json", json.dumps({"AWSEBDockerrunVersion": 2, **dockerrun}))
    s3, beanstalk = client("s3"), client("elasticbeanstalk")
    bucket = f"{application}-bundles"
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_object(Bucket=bucket, Key="one.zip", Body=file.getvalue())
    beanstalk.create_application_version(
        ApplicationName=application,
        VersionLabel="one",
        SourceBundle={"S3Bucket": bucket, "S3Key": "one.zip"},
        AutoCreateApplication=True,
    )


def environment(name: str, template: str = ENVIRONMENT, **parameters: str) -> str:
    """Creates an environment and returns why that failed. Its container ends with 7 if it has no password."""
    command = ["sh", "-c", 'test -n "$PGPASSWORD" || exit 7; exec sleep infinity']
    container = {"name": "program", "image": IMAGE, "memory": 64, "command": command}
    version(name, {"containerDefinitions": [container]})
    return create(f"{name}-beanstalk", template, None, name, Name=name, Version="one", **parameters)


def only_environment(name: str) -> str:
    """A template with only an environment."""
    branch = "Docker running on 64bit Amazon Linux 2023"
    properties = {
        "ApplicationName": name,
        "EnvironmentName": name,
        "VersionLabel": "one",
        "PlatformArn": f"arn:aws:elasticbeanstalk:{REGION}::platform/{branch}/4.7.0",
    }
    return json.dumps({"Resources": {"It": {"Type": "AWS::ElasticBeanstalk::Environment", "Properties": properties}}})


def only(kind: str, properties: dict) -> str:
    """A template with a single resource."""
    return json.dumps({"Resources": {"It": {"Type": kind, "Properties": properties}}})


def task(cpu: int, memory: int, **container: object) -> dict:
    """The properties of a task definition with one container."""
    return {
        "Family": "x",
        "Cpu": cpu,
        "Memory": memory,
        "NetworkMode": "awsvpc",
        "RequiresCompatibilities": ["FARGATE"],
        "ExecutionRoleArn": f"arn:aws:iam::{ACCOUNT}:role/x",
        "ContainerDefinitions": [{"Name": "x", "Image": IMAGE, **container}],
    }


def record(name: str, zone: str) -> str:
    """A template with only a record in a zone."""
    properties = {"HostedZoneId": zone, "Name": name, "Type": "A", "TTL": "60", "ResourceRecords": ["192.0.2.7"]}
    return json.dumps({"Resources": {"It": {"Type": "AWS::Route53::RecordSet", "Properties": properties}}})


def operations(stack: str, template: str, role: str | None, system: str = "fibstack", **parameters: str) -> str:
    """Creates the stack of one-off tasks, without a database."""
    secrets = client("secretsmanager")
    tags = [{"Key": "system", "Value": system}]
    secret = secrets.create_secret(Name=f"DatabasePassword-{stack}", SecretString="secret", Tags=tags)["ARN"]
    ec2 = client("ec2")
    return create(
        stack,
        template,
        role,
        system,
        System=system,
        SubnetIds=ec2.describe_subnets()["Subnets"][0]["SubnetId"],
        DatabaseClientGroup=ec2.describe_security_groups()["SecurityGroups"][0]["GroupId"],
        DatabaseHost="nowhere.example.org",
        DatabaseSecret=secret,
        ServerImage=IMAGE,
        DebugImage=IMAGE,
        **parameters,
    )


def reason_of_stop(stack: str) -> str:
    """Starts a task of a stack and returns why it stopped."""
    ecs, known = client("ecs"), outputs(stack)
    network = {"subnets": known["SubnetIds"].split(","), "securityGroups": [known["DatabaseClientGroup"]]}
    started = ecs.run_task(
        cluster=known["OperationsCluster"],
        taskDefinition=known["ServerTask"],
        launchType="FARGATE",
        networkConfiguration={"awsvpcConfiguration": network},
    )
    task = started["tasks"][0]["taskArn"]
    while True:
        found = ecs.describe_tasks(cluster=known["OperationsCluster"], tasks=[task])["tasks"][0]
        if found["lastStatus"] == "STOPPED":
            return found.get("stoppedReason", "")
        time.sleep(0.2)


class Roles(unittest.TestCase):
    """Calls that roles are not allowed to make."""

    @classmethod
    def setUpClass(cls):
        cls.known = access(ACCESS, "fibstack", User="deployer", Domain="example.org")
        cls.role = cls.known["CloudFormationRole"]
        cls.deployer = user_with("colleague", cls.known["DeployPolicy"], cls.known["OperatePolicy"])

    def test_beanstalk_reads_the_buckets_of_aws_with_the_role_of_the_stack(self):
        role = access(without_statement(ACCESS, "BucketsOfAws"), "buckets")["CloudFormationRole"]
        reasons = create("buckets-beanstalk", only_environment("buckets"), role, "buckets")
        self.assertIn(f"Access Denied: S3Bucket=elasticbeanstalk-platform-assets-{REGION}", reasons)

    def test_beanstalk_writes_access_control_lists_with_the_role_of_the_stack(self):
        role = access(changed(ACCESS, "- s3:PutObjectAcl\n", "- s3:PutObject\n"), "lists")["CloudFormationRole"]
        reasons = create("lists-beanstalk", only_environment("lists"), role, "lists")
        self.assertIn("s3:PutObjectAcl", reasons)

    def test_an_environment_creates_the_own_roles_of_services(self):
        for service in ("maintenance.elasticbeanstalk", "autoscaling", "elasticbeanstalk"):
            name = f"{service.replace('.', '')[:11]}-x"
            line = f"                      - {service}.amazonaws.com\n"
            role = access(changed(ACCESS, line, ""), name)["CloudFormationRole"]
            with self.subTest(service):
                reasons = create(f"{name}-beanstalk", only_environment(name), role, name)
                self.assertIn("iam:CreateServiceLinkedRole", reasons)
                self.assertIn(f"aws-service-role/{service}.amazonaws.com/", reasons)

    def test_the_rights_of_the_access_stack_suffice_for_an_environment(self):
        reasons = create("fibstack-beanstalk", only_environment("fibstack"), self.role)
        # The template has none of the other things that an environment needs.
        self.assertIn("instance profile", reasons)
        self.assertNotIn("Access Denied", reasons)
        self.assertNotIn("not authorized", reasons)

    def test_beanstalk_changes_environments_with_the_permissions_of_the_caller(self):
        beanstalk = client("elasticbeanstalk", self.deployer)
        for call in (beanstalk.update_environment, beanstalk.terminate_environment):
            with self.assertRaisesRegex(ClientError, "AccessDenied"):
                call(EnvironmentName="fibstack")

    def test_a_stack_cannot_create_a_role_without_the_boundary(self):
        reasons = operations("fibstack-operations", OPERATIONS, self.role)
        self.assertIn("iam:CreateRole", reasons)

    def test_a_stack_cannot_name_resources_of_another_system(self):
        boundary = self.known["PermissionsBoundary"]
        reasons = operations("fibstack-worker", OPERATIONS, self.role, "fibstack-ecs", PermissionsBoundary=boundary)
        self.assertIn("cluster/fibstack-ecs-operations", reasons)

    def test_a_user_cannot_change_stacks_of_a_system_whose_name_begins_alike(self):
        stacks = client("cloudformation", self.deployer)
        with self.assertRaisesRegex(ClientError, "AccessDenied"):
            stacks.create_stack(StackName="fibstack-ecs-data", TemplateBody=record("a", "b"), RoleARN=self.role)

    def test_a_stack_cannot_give_its_resources_the_tag_of_another_system(self):
        ec2 = client("ec2")
        vpc = ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
        group = {"GroupDescription": "x", "VpcId": vpc}
        template = json.dumps({"Resources": {"It": {"Type": "AWS::EC2::SecurityGroup", "Properties": group}}})
        self.assertIn("ec2:CreateTags", create("fibstack-base", template, self.role, "staging"))

    def test_a_stack_changes_only_records_of_its_domain(self):
        zones = client("route53")
        zone = zones.create_hosted_zone(Name="example.org", CallerReference="1")["HostedZone"]["Id"].rsplit("/")[-1]
        self.assertEqual("", create("fibstack-domain", record("api.example.org.", zone), self.role))
        reasons = create("fibstack-nginx", record("api.example.com.", zone), self.role)
        self.assertIn("route53:ChangeResourceRecordSets", reasons)

    def test_cloudformation_cannot_assume_a_role_that_does_not_trust_it(self):
        statement = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
        trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        role = client("iam").create_role(RoleName="other", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
        with self.assertRaisesRegex(ClientError, "cannot be assumed"):
            create("fibstack-scaling", record("a", "b"), role)

    def test_a_managed_policy_has_at_most_6144_characters(self):
        statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": ["arn:aws:s3:::" + "x" * 60] * 100}
        policy = {"PolicyDocument": {"Version": "2012-10-17", "Statement": [statement]}}
        template = json.dumps({"Resources": {"It": {"Type": "AWS::IAM::ManagedPolicy", "Properties": policy}}})
        self.assertIn("PolicySize: 6144", create("large", template))
        # Our policies fit, even with the longest name that a system can have.
        access(ACCESS, "x" * 20, Domain="a-rather-long-domain.example.org")


class Identities(unittest.TestCase):
    """Roles that may not be assumed, and users and providers that cannot exist twice."""

    def assume(self, role: str, subject: str) -> None:
        sts = client("sts")
        sts.assume_role_with_web_identity(RoleArn=role, RoleSessionName="job", WebIdentityToken=token(subject))

    def test_a_new_repository_needs_its_ids(self):
        old = access(ACCESS, "old", GitHubRepository="octo/old")["GitHubRole"]
        provider = f"arn:aws:iam::{ACCOUNT}:oidc-provider/token.actions.githubusercontent.com"
        repository = {"GitHubRepository": "octo@12/new@34", "GitHubProvider": provider}
        new = access(ACCESS, "new", **repository)["GitHubRole"]
        self.assume(old, "repo:octo/old:ref:refs/heads/main")
        self.assume(new, "repo:octo@12/new@34:environment:production")
        for role, subject in (
            (old, "repo:octo@12/old@34:ref:refs/heads/main"),
            (old, "repo:octo/old:ref:refs/heads/other"),
            (old, "repo:octo/old:pull_request"),
            (new, "repo:octo/new:environment:production"),
            (new, "repo:octo@12/new@35:environment:production"),
        ):
            with self.subTest(subject), self.assertRaisesRegex(ClientError, "sts:AssumeRoleWithWebIdentity"):
                self.assume(role, subject)
        # A user whom an enterprise manages.
        managed = access(ACCESS, "managed", **{**repository, "GitHubRepository": "user_corp/x"})["GitHubRole"]
        self.assume(managed, "repo:user_corp/x:ref:refs/heads/main")
        # An account can have only one provider for GitHub.
        reasons = create("third-access", ACCESS, System="third", GitHubRepository="octo/third")
        self.assertIn("already exists", reasons)
        with self.assertRaisesRegex(ClientError, "OWNER@ID/REPOSITORY@ID"):
            create("fourth-access", ACCESS, System="fourth", GitHubRepository="octo@12/new")

    def test_two_access_stacks_cannot_create_the_same_user(self):
        access(ACCESS, "one", User="somebody")
        reasons = create("two-access", ACCESS, System="two", User="somebody")
        self.assertIn("somebody", reasons)
        self.assertIn("already exists", reasons)


class Options(unittest.TestCase):
    """Properties of environments, tasks and databases that AWS refuses."""

    def test_a_single_instance_has_no_rolling_updates(self):
        rolling = "RollingUpdateEnabled\n          Value: "
        reasons = environment("rolling", changed(ENVIRONMENT, rolling + '"false"', rolling + '"true"'))
        self.assertIn("You can't enable rolling updates for a single-instance environment", reasons)

    def test_secrets_do_not_reach_containers_without_an_execution_role(self):
        reasons = environment("without")
        self.assertIn("exit code 7", reasons)

    def test_beanstalk_cannot_use_a_role_that_does_not_trust_it(self):
        template = changed(ENVIRONMENT, "elasticbeanstalk.amazonaws.com", "ecs.amazonaws.com")
        self.assertIn("elasticbeanstalk.amazonaws.com is unable to assume", environment("trust", template))

    def test_an_instance_does_not_run_images_for_another_processor(self):
        name, docker = other_architecture()
        reasons = environment("foreign", InstanceType="t4g.micro" if name == "ARM64" else "t3.micro")
        self.assertIn(f"no matching manifest for linux/{docker}", reasons)

    def test_a_task_does_not_run_images_for_another_processor(self):
        name, docker = other_architecture()
        self.assertEqual("", operations("foreign-operations", OPERATIONS, None, "foreign", Architecture=name))
        reason = reason_of_stop("foreign-operations")
        self.assertIn("CannotPullContainerError: pull image manifest has been retried", reason)
        self.assertIn(f"does not contain descriptor matching platform 'linux/{docker}'", reason)

    def test_a_task_reads_secrets_with_its_execution_role(self):
        template = changed(OPERATIONS, "secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret")
        self.assertEqual("", operations("blind-operations", template, None, "blind"))
        reason = reason_of_stop("blind-operations")
        self.assertIn("ResourceInitializationError: unable to pull secrets", reason)
        self.assertIn("secretsmanager:GetSecretValue", reason)

    def test_secrets_of_a_task_need_an_execution_role(self):
        template = changed(OPERATIONS, "      ExecutionRoleArn: !GetAtt ExecutionRole.Arn\n", "")
        reasons = operations("roleless-operations", template, None, "roleless")
        self.assertIn("you must also specify a value for 'executionRoleArn'", reasons)

    def test_the_free_plan_keeps_backups_for_a_day(self):
        state = client("freetier").get_account_plan_state()
        self.assertEqual("FREE", state["accountPlanType"])
        database = {"Engine": "postgres", "DBInstanceClass": "db.t4g.micro", "BackupRetentionPeriod": 7}
        template = json.dumps({"Resources": {"It": {"Type": "AWS::RDS::DBInstance", "Properties": database}}})
        self.assertIn("FreeTierRestrictionError", create("free-data", template))


class Properties(unittest.TestCase):
    """Values of single resources that AWS refuses."""

    def refused(self, kind: str, properties: dict, reason: str) -> None:
        with self.subTest(kind, **{name: str(value)[:40] for name, value in properties.items()}):
            self.assertIn(reason, create(f"wrong-{next(NUMBERS)}", only(kind, properties)))

    def test_a_load_balancer_has_one_subnet_in_each_of_two_zones(self):
        subnets = client("ec2").describe_subnets()["Subnets"]
        first, second = subnets[0]["SubnetId"], subnets[1]["SubnetId"]
        vpc = subnets[0]["VpcId"]
        third = client("ec2").create_subnet(
            VpcId=vpc, CidrBlock="172.31.240.0/24", AvailabilityZone=subnets[0]["AvailabilityZone"]
        )["Subnet"]["SubnetId"]
        kind = "AWS::ElasticLoadBalancingV2::LoadBalancer"
        self.refused(kind, {"Subnets": [first, second, third]}, "multiple subnets in the same Availability Zone")
        self.refused(kind, {"Subnets": [first]}, "At least two subnets in two different Availability Zones")
        self.refused(kind, {"Subnets": [first, second], "Name": "x" * 33}, "cannot be longer than '32'")
        group = {"DBSubnetGroupDescription": "x", "SubnetIds": [first, third]}
        self.refused("AWS::RDS::DBSubnetGroup", group, "Availability Zone (AZ) coverage")

    def test_fargate_has_fixed_sizes(self):
        for cpu, memory in ((256, 4096), (256, 1536), (300, 512), (512, 512), (1024, 2500), (4096, 4096)):
            self.refused("AWS::ECS::TaskDefinition", task(cpu, memory), "No Fargate configuration exists")
        large = task(256, 512, Memory=600)
        self.refused("AWS::ECS::TaskDefinition", large, "must not exceed the memory of the task")

    def test_a_secret_does_not_have_the_name_of_a_variable(self):
        arn = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:x"
        secrets = [{"Name": "PGHOST", "ValueFrom": arn}]
        wrong = task(256, 512, Secrets=secrets, Environment=[{"Name": "PGHOST", "Value": "x"}])
        self.refused("AWS::ECS::TaskDefinition", wrong, "such as 'PGHOST'")
        self.refused("AWS::ECS::TaskDefinition", task(256, 512, Secrets=secrets * 2), "such as 'PGHOST'")

    def test_databases_refuse_reserved_names_and_some_passwords(self):
        kind, wrong = "AWS::RDS::DBInstance", {"Engine": "postgres", "DBInstanceClass": "db.t4g.micro"}
        right = {**wrong, "DBName": "fib", "MasterUsername": "fib", "MasterUserPassword": "long-enough"}
        for name, value, reason in (
            ("DBName", "db", "reserved word"),
            ("DBName", "fib-values", "must begin with a letter"),
            ("MasterUsername", "admin", "reserved word"),
            ("MasterUserPassword", "short", "not a valid password"),
            ("MasterUserPassword", "with/slash", "Only printable ASCII"),
        ):
            self.refused(kind, {**right, name: value}, reason)
        group = {"ReplicationGroupDescription": "x", "Engine": "valkey", "CacheNodeType": "cache.t4g.micro"}
        kind = "AWS::ElastiCache::ReplicationGroup"
        token = "sixteen-letters-or-more"
        self.refused(kind, {**group, "AuthToken": token}, "encryption-in-transit")
        encrypted = {**group, "TransitEncryptionEnabled": True}
        self.refused(kind, {**encrypted, "AuthToken": "short"}, "Invalid AUTH token")
        self.refused(kind, {**encrypted, "AuthToken": token + "@"}, "Invalid AUTH token")
        self.refused(kind, {**encrypted, "AutomaticFailoverEnabled": True}, "without replicas")

    def test_changes_that_a_database_does_not_allow(self):
        properties = {
            "Engine": "postgres",
            "EngineVersion": "17",
            "DBInstanceClass": "db.t4g.micro",
            "MasterUsername": "fib",
            "MasterUserPassword": "long-enough",
            "BackupRetentionPeriod": 1,
        }
        kind = "AWS::RDS::DBInstance"
        self.assertEqual("", create("upgraded-data", only(kind, properties)))
        for changes, reason in (
            ({"EngineVersion": "18"}, "AllowMajorVersionUpgrade"),
            ({"BackupRetentionPeriod": 7}, "FreeTierRestrictionError"),
            ({"EngineVersion": "16", "AllowMajorVersionUpgrade": True}, "Cannot upgrade postgres from 17 to 16"),
        ):
            with self.subTest(**changes):
                self.assertIn(reason, update("upgraded-data", only(kind, {**properties, **changes})))
        allowed = {"EngineVersion": "18", "AllowMajorVersionUpgrade": True}
        self.assertEqual("", update("upgraded-data", only(kind, {**properties, **allowed})))

    def test_other_wrong_values(self):
        vpc = client("ec2").describe_vpcs()["Vpcs"][0]["VpcId"]
        for network in ("192.0.2.256/32", "192.0.2.0/33", "/32"):
            rule = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "CidrIp": network}
            group = {"GroupDescription": "x", "VpcId": vpc, "SecurityGroupIngress": [rule]}
            self.refused("AWS::EC2::SecurityGroup", group, f"CIDR block {network} is malformed")
        target = {"ServiceNamespace": "ecs", "ResourceId": "x", "ScalableDimension": "x"}
        target |= {"MinCapacity": 5, "MaxCapacity": 4}
        kind = "AWS::ApplicationAutoScaling::ScalableTarget"
        self.refused(kind, target, "Maximum capacity cannot be less than minimum capacity")
        environment = {"ApplicationName": "x", "PlatformArn": "x", "VersionLabel": "x"}
        for name in ("abc", "x" * 41, "-abcd", "a_bcd"):
            self.refused(
                "AWS::ElasticBeanstalk::Environment", {**environment, "EnvironmentName": name}, "length from 4 to 40"
            )
        self.refused("AWS::Logs::LogGroup", {"RetentionInDays": 2}, "retentionInDays")
        listener = {"LoadBalancerArn": "x", "Protocol": "HTTPS", "Port": 443, "DefaultActions": []}
        self.refused("AWS::ElasticLoadBalancingV2::Listener", listener, "A certificate must be specified")
        service = {"Cluster": "x", "TaskDefinition": "x", "HealthCheckGracePeriodSeconds": 60}
        self.refused("AWS::ECS::Service", service, "Health check grace period")


if __name__ == "__main__":
    unittest.main(verbosity=2)
