//! The AWS CLI: the calls that a person would type, with the same settings and credentials.

use std::{
    ffi::OsStr,
    fmt,
    os::unix::process::CommandExt,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use serde::de::DeserializeOwned;
use throwaway::process::find_program;
use xtask::{
    child::{Interrupted, is_stopping},
    project::{self, variable},
};

const HOW_TO_INSTALL: &str = "\
Get version 2 from https://aws.amazon.com/cli, or on macOS with: brew install awscli";

const HOW_TO_LOG_IN: &str = "\
`aws configure` stores a user's key, `aws configure sso` signs in with a browser; AWS_PROFILE selects one of several \
profiles. deploy/docs/ explains how to start with a new account.";

/// Reasons for which AWS or its CLI refuses every call, by a part of the message, and what to do about each.
const REMEDIES: [(&[&str], &str); 5] = [
    (
        &[
            "ExpiredToken",
            "security token included in the request is expired",
            "Token has expired",
            "SSO session",
        ],
        "The session has expired. Sign in again, for example with `aws sso login`, and run the same command again: AWS \
         completes what it was doing, and nothing is created twice.",
    ),
    (
        &["RequestExpired", "RequestTimeTooSkewed", "Signature expired", "Signature not yet current"],
        "This machine's clock is wrong. Set it: AWS accepts a difference of a few minutes.",
    ),
    (
        &["Could not connect to the endpoint", "doesn't match a supported format"],
        "Either this machine cannot reach the internet, or the region's name is wrong. `aws configure get region` and \
         AWS_REGION show it; https://docs.aws.amazon.com/global-infrastructure/latest/regions lists all names.",
    ),
    (
        &["InvalidClientTokenId", "UnrecognizedClientException", "InvalidAccessKeyId"],
        "The access key does not exist, or was deactivated; or the region is one that an account must enable first \
         (`aws account list-regions`).",
    ),
    (
        &["SignatureDoesNotMatch"],
        "The secret does not belong to the access key. Enter both again with `aws configure`.",
    ),
];

/// Transient errors, which pass without intervention.
const TRANSIENT: [&str; 5] =
    ["Throttling", "Rate exceeded", "Could not connect", "Connection was closed", "Read timeout"];
/// Time during which transient errors are tolerated.
const PATIENCE: Duration = Duration::from_secs(120);

const POLL: Duration = Duration::from_secs(2);

/// A call that AWS, or its CLI, refused.
#[derive(Debug)]
pub(crate) struct Refused {
    /// Error code, such as `ValidationError`; empty if the call did not reach AWS.
    code: String,
    message: String,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        self.remedy().map_or(Ok(()), |remedy| write!(f, "\n{remedy}"))
    }
}

impl std::error::Error for Refused {}

impl Refused {
    /// Returns the remedy, if AWS refuses every call for this reason.
    fn remedy(&self) -> Option<&'static str> {
        let found = REMEDIES.iter().find(|(reasons, _)| reasons.iter().any(|it| self.message.contains(it)));
        found.map(|(_, remedy)| *remedy)
    }

    /// `An error occurred (ValidationError) when calling the CreateStack operation: …`
    fn parse(stderr: &str) -> Self {
        let mut lines = stderr.lines().map(str::trim).filter(|line| !line.is_empty());
        let error = lines.clone().find(|line| line.contains("An error occurred ("));
        let line = error.or_else(|| lines.next_back()).unwrap_or("the AWS CLI failed without a message");
        let code = line
            .split_once("An error occurred (")
            .and_then(|(_, rest)| rest.split_once(')'))
            .map_or_else(String::new, |(code, _)| code.to_owned());
        Self { code, message: line.to_owned() }
    }

    /// Returns true if `error` is a refusal with this code, or with this text in its message.
    pub(crate) fn is(error: &anyhow::Error, what: &str) -> bool {
        error.downcast_ref::<Self>().is_some_and(|it| it.code == what || it.message.contains(what))
    }
}

/// `aws`, which prints JSON and uses no pager.
pub(crate) fn aws() -> Command {
    let mut command = Command::new("aws");
    command.current_dir(project::root()).env("AWS_PAGER", "").env("AWS_DEFAULT_OUTPUT", "json");
    command.env("AWS_CLI_ERROR_FORMAT", "legacy");
    // Version 1 reads only the second name, version 2 both.
    if let Some(region) = region_in_environment() {
        command.env("AWS_REGION", &region).env("AWS_DEFAULT_REGION", &region);
    }
    command
}

fn region_in_environment() -> Option<String> {
    variable("AWS_REGION").or_else(|| variable("AWS_DEFAULT_REGION"))
}

/// Makes a call and returns its output.
pub(crate) fn call<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Result<String> {
    let mut command = aws();
    // In its own process group: Ctrl-C reaches only this program, and a call in progress is completed.
    command.args(arguments).stdin(Stdio::null()).process_group(0);
    let output = command.output().context("failed to run aws")?;
    if is_stopping() {
        bail!(Interrupted);
    }
    if !output.status.success() {
        bail!(Refused::parse(&String::from_utf8_lossy(&output.stderr)));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
}

/// Makes a call and returns the part of its result that a JMESPath query selects.
pub(crate) fn query<T: DeserializeOwned>(query: &str, arguments: &[&str]) -> Result<T> {
    let text = call(arguments.iter().chain(&["--query", query]))?;
    parse(&text).with_context(|| format!("unexpected result of aws {}: {text}", arguments.join(" ")))
}

/// Parses a result. The CLI prints nothing for an empty object, and `null` for a list that AWS left out.
fn parse<T: DeserializeOwned>(text: &str) -> Result<T, serde_json::Error> {
    match text {
        "" | "null" => serde_json::from_str("null").or_else(|_| serde_json::from_str("[]")),
        text => serde_json::from_str(text),
    }
}

/// The account and region in use, shown before anything is changed.
#[derive(Debug)]
pub(crate) struct Account {
    id: String,
    region: String,
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "account {} in {}", self.id, self.region)
    }
}

/// Looks up the account and region of the credentials.
pub(crate) fn account() -> Result<Account> {
    if find_program("aws", &[]).is_none() {
        bail!("this needs the AWS CLI, which is not installed.\n{HOW_TO_INSTALL}");
    }
    let configured = || call(["configure", "get", "region"]).ok().filter(|region| !region.is_empty());
    let Some(region) = region_in_environment().or_else(configured) else {
        bail!("no region is configured: set AWS_REGION, such as eu-central-1, or run `aws configure`")
    };
    match query("Account", &["sts", "get-caller-identity"]) {
        Ok(id) => Ok(Account { id, region }),
        Err(error) if error.downcast_ref::<Refused>().is_some_and(|it| it.remedy().is_some()) => {
            bail!("authentication at AWS failed: {error}")
        }
        Err(error) => bail!("authentication at AWS failed: {error}\n{HOW_TO_LOG_IN}"),
    }
}

/// Polls until there is an answer. Tolerates transient errors for two minutes.
pub(crate) fn wait_for<T>(mut poll: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let mut failing_since = None;
    loop {
        match poll() {
            Ok(Some(answer)) => return Ok(answer),
            Ok(None) => failing_since = None,
            Err(error) => {
                let is_transient = TRANSIENT.iter().any(|what| Refused::is(&error, what));
                let since = *failing_since.get_or_insert_with(Instant::now);
                if !is_transient || since.elapsed() > PATIENCE {
                    return Err(error);
                }
            }
        }
        if is_stopping() {
            bail!(Interrupted);
        }
        thread::sleep(POLL);
    }
}

/// The current time in UTC, for names: `20260501-120000`.
pub(crate) fn timestamp() -> String {
    jiff::Timestamp::now().strftime("%Y%m%d-%H%M%S").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_result_is_none_or_an_empty_list() {
        assert_eq!(parse::<Option<(String, u32)>>("null").unwrap(), None);
        assert_eq!(parse::<Vec<String>>("").unwrap(), [""; 0]);
        assert_eq!(parse::<(String, u32)>(r#"["a", 1]"#).unwrap(), ("a".to_owned(), 1));
        assert!(parse::<(String, u32)>("null").is_err());
    }

    #[test]
    fn a_refusal_of_every_call_says_what_to_do() {
        for (stderr, remedy) in [
            (
                "An error occurred (ExpiredToken) when calling the DescribeStacks operation: The security token \
                 included in the request is expired",
                "Sign in again",
            ),
            ("Error when retrieving token from sso: Token has expired and refresh failed", "Sign in again"),
            (
                "An error occurred (SignatureDoesNotMatch) when calling the GetCallerIdentity operation: Signature \
                 expired: 20260501T120000Z is now earlier than 20260501T121000Z",
                "clock",
            ),
            (
                "Could not connect to the endpoint URL: \"https://sts.eu-centrall-1.amazonaws.com/\"",
                "region's name",
            ),
            (
                "An error occurred (InvalidClientTokenId) when calling the GetCallerIdentity operation: The security \
                 token included in the request is invalid.",
                "enable first",
            ),
            (
                "An error occurred (SignatureDoesNotMatch) when calling the GetCallerIdentity operation: The request \
                 signature we calculated does not match the signature you provided.",
                "secret does not belong",
            ),
        ] {
            let error = anyhow::Error::new(Refused::parse(stderr)).to_string();
            let (message, advice) = error.split_once('\n').unwrap();
            assert!(stderr.contains(message) && advice.contains(remedy), "{error}");
        }
        assert_eq!(
            Refused::parse("Unable to locate credentials").to_string(),
            "Unable to locate credentials"
        );
    }

    #[test]
    fn a_refusal_has_the_code_of_its_error() {
        let stderr = "\nAn error occurred (ValidationError) when calling the UpdateStack operation: No updates are to \
                    be performed.\n";
        let error = anyhow::Error::new(Refused::parse(stderr));
        assert!(Refused::is(&error, "ValidationError"));
        assert!(Refused::is(&error, "No updates are to be performed"));
        assert!(!Refused::is(&error, "AccessDenied"));
        assert_eq!(Refused::parse("").message, "the AWS CLI failed without a message");
        // Some versions of the CLI print more lines after it.
        let stderr = "\naws: [ERROR]: An error occurred (ValidationError) when calling the DescribeStacks operation: \
                    Stack with id x does not exist\n\nAdditional error details:\nType: Sender\n";
        let error = anyhow::Error::new(Refused::parse(stderr));
        assert!(Refused::is(&error, "ValidationError") && Refused::is(&error, "does not exist"));
    }
}
