//! The parameters of the templates, with their constraints. A wrong value fails here, before anything is built or
//! created. CloudFormation would refuse it only with the stack that it is for, perhaps after half an hour.

use std::fs;

use anyhow::{Context, Result, bail, ensure};
use regex::Regex;
use xtask::project;

use crate::{cloudformation::Values, system::System};

/// Parameters that the deployment itself sets.
const OWN: [&str; 8] =
    ["Image", "Name", "Platform", "PlatformArn", "PreviousImage", "PreviousVersion", "System", "Version"];

/// Minimum and maximum numbers of the same thing.
const RANGES: [(&str, &str); 3] =
    [("MinInstances", "MaxInstances"), ("ServerCount", "ServerMaxCount"), ("WorkerCount", "WorkerMaxCount")];

/// Memory in MiB that Fargate supports with a number of CPU units: minimum, maximum, and step.
const FARGATE: [(u32, u32, u32, u32); 5] = [
    (256, 512, 2048, 512),
    (512, 1024, 4096, 1024),
    (1024, 2048, 8192, 1024),
    (2048, 4096, 16384, 1024),
    (4096, 8192, 30720, 1024),
];

/// A parameter of a template.
#[derive(Debug, Default)]
struct Parameter {
    name: String,
    default: Option<String>,
    pattern: Option<String>,
    allowed: Vec<String>,
    minimum: Option<f64>,
    maximum: Option<f64>,
    is_number: bool,
    /// Description of the allowed values, from the template.
    constraint: Option<String>,
}

impl Parameter {
    /// Reads the parameters of a template, whose names are indented by two blanks and their properties by four.
    fn read(template: &str) -> Vec<Self> {
        let lines = template.lines().skip_while(|line| *line != "Parameters:").skip(1);
        let mut found: Vec<Self> = Vec::new();
        for line in lines.take_while(|line| line.is_empty() || line.starts_with([' ', '#'])) {
            let indent = line.len() - line.trim_start().len();
            let Some((key, value)) = line.trim().split_once(':') else { continue };
            match (indent, found.last_mut()) {
                (2, _) if !key.starts_with('#') => {
                    found.push(Self { name: key.to_owned(), ..Self::default() });
                }
                (4, Some(parameter)) => parameter.set(key, value.trim()),
                _ => {}
            }
        }
        found
    }

    fn set(&mut self, key: &str, value: &str) {
        let text = unquoted(value);
        match key {
            "Type" => self.is_number = value == "Number",
            "Default" => self.default = Some(text),
            "AllowedPattern" => self.pattern = Some(text),
            "AllowedValues" => {
                self.allowed = value.trim_matches(['[', ']']).split(',').map(unquoted).collect();
            }
            "MinValue" => self.minimum = value.parse().ok(),
            "MaxValue" => self.maximum = value.parse().ok(),
            "ConstraintDescription" => self.constraint = Some(text),
            _ => {}
        }
    }

    /// Fails unless CloudFormation would accept a value.
    fn check(&self, value: &str) -> Result<()> {
        let name = &self.name;
        if self.is_number {
            let Ok(number) = value.parse::<f64>() else { bail!("{name} must be a number, not {value:?}") };
            let (minimum, maximum) = (self.minimum, self.maximum);
            if minimum.is_some_and(|it| number < it) || maximum.is_some_and(|it| number > it) {
                let end = |limit: Option<f64>| limit.map_or("…".to_owned(), |limit| limit.to_string());
                bail!("{name} must be a number from {} to {}, not {value}", end(minimum), end(maximum));
            }
        }
        if !self.allowed.is_empty() && !self.allowed.iter().any(|it| it == value) {
            bail!("{name} must be one of {}, not {value:?}", self.allowed.join(", "));
        }
        if let Some(pattern) = &self.pattern {
            // CloudFormation compares the whole value.
            let pattern = Regex::new(&format!("^(?:{pattern})$")).context("invalid AllowedPattern")?;
            if !pattern.is_match(value) {
                let constraint = self.constraint.as_deref().unwrap_or("has an invalid value");
                bail!("{name} {constraint}, not {value:?}");
            }
        }
        Ok(())
    }
}

/// Removes the quotation marks of YAML.
fn unquoted(text: &str) -> String {
    text.trim().trim_matches(['\'', '"']).to_owned()
}

fn text(template: &str) -> Result<String> {
    let path = project::root().join("deploy").join(template);
    fs::read_to_string(&path).with_context(|| format!("failed to read {}", path.display()))
}

fn read(template: &str) -> Result<Vec<Parameter>> {
    Ok(Parameter::read(&text(template)?))
}

/// Returns the default values of a template.
pub(crate) fn defaults(template: &str) -> Result<Values> {
    Ok(read(template)?.into_iter().filter_map(|it| Some((it.name, it.default?))).collect())
}

/// Fails if none of the templates has a parameter with a given name, or if one of them does not accept its value.
/// `set` are those that the user chose by name.
pub(crate) fn check(templates: &[&str], set: &[(String, String)], given: &Values) -> Result<()> {
    let mut parameters = Vec::new();
    for template in templates {
        parameters.extend(read(template)?);
    }
    for (name, _) in set {
        if OWN.contains(&name.as_str()) {
            bail!("{name} cannot be set: the deployment chooses it");
        }
        if !parameters.iter().any(|it| it.name == *name) {
            let mut known: Vec<_> = parameters.iter().map(|it| it.name.as_str()).collect();
            known.retain(|name| !OWN.contains(name));
            known.sort_unstable();
            known.dedup();
            bail!("this deployment has no parameter {name}. Parameters: {}", known.join(", "));
        }
    }
    for parameter in &parameters {
        if let Some(value) = given.get(&parameter.name) {
            parameter.check(value)?;
        }
    }
    check_secrets(templates, given)
}

/// Fails if a further secret has the name of another variable, which ECS refuses.
fn check_secrets(templates: &[&str], given: &Values) -> Result<()> {
    let names = given.iter().filter(|(parameter, _)| parameter.starts_with("Secret"));
    let names: Vec<_> =
        names.filter_map(|(parameter, value)| Some((parameter, value.split_once('=')?.0))).collect();
    let variable = Regex::new(r"\bName: ([A-Z][A-Z0-9_]*)\b").context("invalid pattern")?;
    for template in templates.iter().filter(|_| !names.is_empty()) {
        let text = text(template)?;
        for (parameter, name) in &names {
            if variable.captures_iter(&text.replace("OptionName", "Name")).any(|found| found[1] == **name) {
                bail!("{parameter}: the deployment itself sets the variable {name}; choose another name");
            }
        }
    }
    for (index, (parameter, name)) in names.iter().enumerate() {
        if let Some((other, _)) = names[..index].iter().find(|(_, other)| other == name) {
            bail!("{parameter}: {other} already sets the variable {name}");
        }
    }
    Ok(())
}

/// Fails if AWS would refuse the values of several parameters of a template together: those given, those that the stack
/// has, and the defaults.
pub(crate) fn check_together(system: &System, template: &str, given: &Values) -> Result<()> {
    let ranges = RANGES.iter().flat_map(|(minimum, maximum)| [*minimum, *maximum]);
    if !["Cpu", "Memory"].into_iter().chain(ranges).any(|name| given.contains_key(name)) {
        return Ok(());
    }
    let mut values = defaults(template)?;
    values.extend(system.stack(template).parameters()?);
    values.extend(given.iter().map(|(name, value)| (name.clone(), value.clone())));
    combination(&values)
}

fn combination(values: &Values) -> Result<()> {
    let number = |name: &str| values.get(name)?.parse::<u32>().ok();
    for (minimum, maximum) in RANGES {
        if let (Some(least), Some(most)) = (number(minimum), number(maximum)) {
            ensure!(least <= most, "{minimum}={least} must not be greater than {maximum}={most}");
        }
    }
    let (Some(cpu), Some(memory)) = (number("Cpu"), number("Memory")) else { return Ok(()) };
    let Some((_, minimum, maximum, step)) = FARGATE.iter().find(|(units, ..)| *units == cpu) else {
        return Ok(());
    };
    // The smallest size has no 1536.
    let is_supported =
        (*minimum..=*maximum).contains(&memory) && (memory % step == 0) && (cpu, memory) != (256, 1536);
    ensure!(
        is_supported,
        "Memory={memory} is not available on Fargate with Cpu={cpu}: Memory must be {}",
        if cpu == 256 {
            "512, 1024 or 2048".to_owned()
        } else {
            format!("from {minimum} to {maximum}, in steps of {step}")
        }
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloudformation::values;

    /// All templates that deployments use.
    const TEMPLATES: [&str; 10] = [
        "beanstalk.yaml",
        "data.yaml",
        "domain.yaml",
        "ecr.yaml",
        "operations.yaml",
        "fargate/base.yaml",
        "fargate/nginx.yaml",
        "fargate/scaling.yaml",
        "fargate/server.yaml",
        "fargate/worker.yaml",
    ];

    fn refused(name: &str, value: &str) -> String {
        let set = [(name.to_owned(), value.to_owned())];
        check(&TEMPLATES, &set, &values(&[(name, value)])).unwrap_err().to_string()
    }

    #[test]
    fn the_defaults_of_all_templates_meet_their_constraints() {
        let mut constraints = 0;
        for template in TEMPLATES {
            let parameters = read(template).unwrap();
            assert!(!parameters.is_empty(), "{template}");
            for it in &parameters {
                constraints +=
                    usize::from(it.pattern.is_some() || !it.allowed.is_empty() || it.minimum.is_some());
                if let Some(default) = &it.default {
                    it.check(default).unwrap_or_else(|error| panic!("{template}: {error}"));
                }
            }
            let known: Values =
                parameters.into_iter().filter_map(|it| Some((it.name, it.default?))).collect();
            combination(&known).unwrap();
        }
        // Fewer would mean that the templates are written in a way that this module does not read.
        assert!(constraints > 60, "{constraints}");
    }

    #[test]
    fn wrong_values_are_refused_in_the_words_of_the_template() {
        for (name, value, reason) in [
            ("AllowFrom", "/32", "must be an IPv4 network such as 192.0.2.7/32, not \"/32\""),
            ("AllowFrom", "192.0.2.7", "must be an IPv4 network"),
            ("AllowFrom", "192.0.2.256/32", "must be an IPv4 network"),
            ("AllowFrom", "192.0.2.0/33", "must be an IPv4 network"),
            ("AllowFrom", "2001:db8::1/128", "must be an IPv4 network"),
            ("Domain", "Example.org", "must be a lowercase domain such as example.org"),
            ("Domain", "https://example.org", "must be a lowercase domain"),
            ("Domain", "example.org.", "without a trailing dot"),
            ("Cpu", "300", "must be one of 256, 512, 1024, 2048, 4096, not \"300\""),
            ("BackupDays", "36", "must be a number from 1 to 35, not 36"),
            ("BackupDays", "week", "must be a number, not \"week\""),
            ("DeletionProtection", "no", "must be one of true, false"),
            ("Secret1", "arn:aws:ssm:eu-central-1:1:parameter/x", "must be NAME=ARN"),
            ("AlarmEmail", "me", "must be an e-mail address, or empty"),
            ("Image", "mine", "cannot be set: the deployment chooses it"),
            ("WorkerMaximum", "8", "has no parameter WorkerMaximum. Parameters: AlarmEmail, "),
        ] {
            let error = refused(name, value);
            assert!(error.contains(name) && error.contains(reason), "{name}={value}: {error}");
        }
        let accepted = [
            ("AllowFrom", "192.0.2.7/32"),
            ("Domain", "fib.example.org"),
            ("InstanceType", "m7i-flex.large"),
            ("UpdateStart", ""),
            ("Secret1", "KEY=arn:aws:ssm:eu-central-1:123456789012:parameter/fibstack/key"),
        ];
        check(&TEMPLATES, &[], &values(&accepted)).unwrap();
    }

    #[test]
    fn a_secret_has_a_name_of_its_own() {
        let secret =
            |name: &str| format!("{name}=arn:aws:ssm:eu-central-1:123456789012:parameter/fibstack/key");
        let error = |one: &str, two: &str| {
            let given = values(&[("Secret1", &secret(one)), ("Secret2", &secret(two))]);
            check(&TEMPLATES, &[], &given).unwrap_err().to_string()
        };
        assert!(
            error("KEY", "PGPASSWORD")
                .starts_with("Secret2: the deployment itself sets the variable PGPASSWORD")
        );
        assert!(error("OTEL_EXPORTER_OTLP_ENDPOINT", "KEY").contains("itself sets"));
        assert_eq!(error("KEY", "KEY"), "Secret2: Secret1 already sets the variable KEY");
        let headers = secret("OTEL_EXPORTER_OTLP_HEADERS");
        check(&TEMPLATES, &[], &values(&[("Secret1", &headers)])).unwrap();
    }

    #[test]
    fn combinations_that_aws_refuses_are_refused() {
        let error = |pairs: &[(&str, &str)]| combination(&values(pairs)).unwrap_err().to_string();
        let text = error(&[("ServerCount", "5"), ("ServerMaxCount", "4")]);
        assert_eq!(text, "ServerCount=5 must not be greater than ServerMaxCount=4");
        for (cpu, memory) in
            [("256", "4096"), ("256", "1536"), ("512", "512"), ("1024", "2500"), ("4096", "31744")]
        {
            let text = error(&[("Cpu", cpu), ("Memory", memory)]);
            assert!(text.starts_with(&format!("Memory={memory} is not available")), "{text}");
        }
        for (cpu, memory) in [("256", "2048"), ("512", "3072"), ("2048", "16384"), ("4096", "8192")] {
            combination(&values(&[("Cpu", cpu), ("Memory", memory)])).unwrap();
        }
    }
}
