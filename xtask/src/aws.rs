//! AWS, through its own command line program: what a person would type, with the same settings and credentials.

use std::{
    env,
    ffi::OsStr,
    fmt,
    os::unix::process::CommandExt,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use throwaway::process::find_program;

use crate::{
    child::{Interrupted, is_stopping},
    project,
};

const HOW_TO_INSTALL: &str = "\
Get it from https://aws.amazon.com/cli, or with: pipx install awscli";

const HOW_TO_LOG_IN: &str = "\
`aws configure` stores a user's key, `aws configure sso` the way to sign in with a browser; AWS_PROFILE chooses among \
several. docs/deploy-fargate.md and docs/deploy-beanstalk.md begin with a new account.";

/// What passes by itself.
const PASSING: [&str; 5] =
    ["Throttling", "Rate exceeded", "Could not connect", "Connection was closed", "Read timeout"];
/// How long it may take to.
const PATIENCE: Duration = Duration::from_secs(120);

/// How often AWS is asked whether something is done.
const POLL: Duration = Duration::from_secs(2);

/// A call that AWS, or the program, refused.
#[derive(Debug)]
pub(crate) struct Refused {
    /// Such as `ValidationError`; empty when it did not come that far.
    pub(crate) code: String,
    pub(crate) message: String,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Refused {}

impl Refused {
    /// `An error occurred (ValidationError) when calling the CreateStack operation: …`
    fn read(stderr: &str) -> Self {
        let mut lines = stderr.lines().map(str::trim).filter(|line| !line.is_empty());
        let says_so = lines.clone().find(|line| line.contains("An error occurred ("));
        let line = says_so.or_else(|| lines.next_back()).unwrap_or("it gave no reason");
        let code = line
            .split_once("An error occurred (")
            .and_then(|(_, rest)| rest.split_once(')'))
            .map_or_else(String::new, |(code, _)| code.to_owned());
        Self { code, message: line.to_owned() }
    }

    /// Whether that is why a call failed.
    pub(crate) fn is(error: &anyhow::Error, what: &str) -> bool {
        error.downcast_ref::<Self>().is_some_and(|it| it.code == what || it.message.contains(what))
    }
}

/// `aws`, with text as its output and no pager.
pub(crate) fn aws() -> Command {
    let mut command = Command::new("aws");
    command.current_dir(project::root()).env("AWS_PAGER", "").env("AWS_DEFAULT_OUTPUT", "text");
    command.env("AWS_CLI_ERROR_FORMAT", "legacy");
    // Version 1 knows the one name, version 2 both.
    if let Some(region) = region_in_environment() {
        command.env("AWS_REGION", &region).env("AWS_DEFAULT_REGION", &region);
    }
    command
}

fn region_in_environment() -> Option<String> {
    let set = |name| env::var(name).ok().filter(|value| !value.is_empty());
    set("AWS_REGION").or_else(|| set("AWS_DEFAULT_REGION"))
}

/// Calls AWS, and gives what it answers: the words of a `--query`, separated by tabs and line ends.
///
/// # Errors
/// [`Refused`]; [`Interrupted`].
pub(crate) fn text<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Result<String> {
    let mut command = aws();
    // In a group of its own: Ctrl-C is for us, and what was begun is told to its end.
    command.args(arguments).stdin(Stdio::null()).process_group(0);
    let output = command.output().context("aws does not run")?;
    if is_stopping() {
        bail!(Interrupted);
    }
    if !output.status.success() {
        bail!(Refused::read(&String::from_utf8_lossy(&output.stderr)));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
}

/// One word, if there is one.
pub(crate) fn word<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Result<Option<String>> {
    // As `aws` writes null.
    Ok(Some(text(arguments)?).filter(|word| !word.is_empty() && word != "None"))
}

/// All words, in one list.
pub(crate) fn words<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Result<Vec<String>> {
    let text = text(arguments)?;
    Ok(text.split_whitespace().filter(|word| *word != "None").map(str::to_owned).collect())
}

/// A row for each line, a column for each tab.
pub(crate) fn rows<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Result<Vec<Vec<String>>> {
    let text = text(arguments)?;
    let lines = text.lines().filter(|line| line.split('\t').any(|cell| !cell.is_empty() && cell != "None"));
    Ok(lines.map(|line| line.split('\t').map(str::to_owned).collect()).collect())
}

/// Who one is there, and where. Said before anything is done.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) id: String,
    pub(crate) region: String,
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "account {} in {}", self.id, self.region)
    }
}

/// Fails if there is no `aws`, no region, or nobody is signed in.
pub(crate) fn account() -> Result<Account> {
    if find_program("aws", &[]).is_none() {
        bail!("this needs the AWS CLI, and aws is not installed.\n{HOW_TO_INSTALL}");
    }
    let configured = || word(["configure", "get", "region"]).ok().flatten();
    let Some(region) = region_in_environment().or_else(configured) else {
        bail!("which region? Set AWS_REGION, such as eu-central-1, or run `aws configure`")
    };
    match word(["sts", "get-caller-identity", "--query", "Account"]) {
        Ok(Some(id)) => Ok(Account { id, region }),
        Ok(None) => bail!("AWS does not say who you are.\n{HOW_TO_LOG_IN}"),
        Err(error) => bail!("AWS does not let you in: {error}\n{HOW_TO_LOG_IN}"),
    }
}

/// Asks again and again until there is an answer. AWS may be too busy to answer, or the network away, for a while.
///
/// # Errors
/// Those of `ask`, when they last; [`Interrupted`].
pub(crate) fn wait_for<T>(mut ask: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let mut failing_since = None;
    loop {
        match ask() {
            Ok(Some(answer)) => return Ok(answer),
            Ok(None) => failing_since = None,
            Err(error) => {
                let passes = PASSING.iter().any(|what| Refused::is(&error, what));
                let since = *failing_since.get_or_insert_with(Instant::now);
                if !passes || since.elapsed() > PATIENCE {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_has_its_code() {
        let said = "\nAn error occurred (ValidationError) when calling the UpdateStack operation: No updates are to \
                    be performed.\n";
        let error = anyhow::Error::new(Refused::read(said));
        assert!(Refused::is(&error, "ValidationError"));
        assert!(Refused::is(&error, "No updates are to be performed"));
        assert!(!Refused::is(&error, "AccessDenied"));
        assert_eq!(Refused::read("").message, "it gave no reason");
        // Some versions of the CLI say more after it.
        let said = "\naws: [ERROR]: An error occurred (ValidationError) when calling the DescribeStacks operation: \
                    Stack with id x does not exist\n\nAdditional error details:\nType: Sender\n";
        let error = anyhow::Error::new(Refused::read(said));
        assert!(Refused::is(&error, "ValidationError") && Refused::is(&error, "does not exist"));
    }
}
