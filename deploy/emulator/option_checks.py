"""Combinations of options that Elastic Beanstalk refuses."""

SECRETS = "aws:elasticbeanstalk:application:environmentsecrets"
ROLLING = "aws:autoscaling:updatepolicy:rollingupdate"
GROUP = "aws:autoscaling:asg"


def refuse(namespace: str, option: str, reason: str) -> None:
    raise ValueError(
        f"ConfigurationValidationException: Configuration validation exception: Invalid option specification"
        f" (Namespace: '{namespace}', OptionName: '{option}'): {reason} (Service: ElasticBeanstalk, Status Code: 400)"
    )


def check(options: list[dict]) -> None:
    """Raises `ValueError` if Elastic Beanstalk would refuse the options."""
    values = {(each["Namespace"], each["OptionName"]): str(each.get("Value", "")) for each in options}
    kind = values.get(("aws:elasticbeanstalk:environment", "EnvironmentType"), "LoadBalanced")
    if kind == "SingleInstance" and values.get((ROLLING, "RollingUpdateEnabled"), "").lower() == "true":
        reason = "You can't enable rolling updates for a single-instance environment."
        refuse(ROLLING, "RollingUpdateEnabled", reason)
    if kind == "LoadBalanced" and int(values.get((GROUP, "MinSize"), 1)) > int(values.get((GROUP, "MaxSize"), 4)):
        refuse(GROUP, "MinSize", "The minimum size must not be greater than the maximum size.")
    for (namespace, name), value in values.items():
        if namespace == SECRETS and not value.startswith(("arn:aws:secretsmanager:", "arn:aws:ssm:")):
            refuse(namespace, name, "The value must be the ARN of a secret or of a parameter.")
