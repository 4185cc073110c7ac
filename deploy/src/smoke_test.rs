//! The smoke test after a deployment: submits an index at its address and verifies the value.

use std::{
    env,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use job::JOB;
use ureq::Agent;
use xtask::progress::{Step, say};

use crate::{aws, cloudformation::Stack, http};

/// Parameter of the stacks that accept visitors: the network they accept them from.
const ALLOW_FROM: &str = "AllowFrom";
const EVERYBODY: &str = "0.0.0.0/0";
/// Environment variable with which the test is skipped where it cannot reach the address.
const SKIP: &str = "SKIP_SMOKE_TEST";

/// Time limit for an address to answer after everything behind it is running: DNS and load balancers are slow.
const ANSWERS_WITHIN: Duration = Duration::from_secs(600);
/// The same for an address that accepts only some networks: a security group lets other requests time out.
const SILENT_WITHIN: Duration = Duration::from_secs(120);
/// Maximum number of indexes tried to find one that nobody has submitted.
const ATTEMPTS: u32 = 1000;

struct Response {
    /// Status; 0 if there was no response, and then the body is the reason.
    status: u16,
    body: String,
    /// The request timed out.
    is_silent: bool,
}

impl Response {
    fn read(result: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Self {
        let read = result.and_then(|mut response| {
            let body = response.body_mut().read_to_string()?;
            Ok(Self { status: response.status().as_u16(), body: body.trim().to_owned(), is_silent: false })
        });
        read.unwrap_or_else(|error| {
            let is_silent = matches!(error, ureq::Error::Timeout(_));
            Self { status: 0, body: error.to_string(), is_silent }
        })
    }

    /// Returns true if a load balancer or proxy may respond this way while its targets change.
    fn is_temporary(&self) -> bool {
        matches!(self.status, 0 | 502..=504)
    }
}

/// Submits an index that nobody has submitted yet, waits for its value, verifies and shows it. `stack` is the one that
/// accepts visitors at the address.
pub(crate) fn run(url: &str, stack: &Stack) -> Result<()> {
    if is_skipped(env::var(SKIP).ok().as_deref())? {
        say(format!(
            "no smoke test, because {SKIP} is set: everything is running, but no index was submitted"
        ));
        say(format!("fibstack is at {url}"));
        return Ok(());
    }
    let step = Step::begin("smoke test");
    let client = http::client();
    let values = format!("{url}/api/values");
    step.is_doing("waiting for the first response");
    let allowed = stack.parameters()?.remove(ALLOW_FROM).filter(|from| from != EVERYBODY);
    let restriction = allowed.map(|from| Restriction { from, within: SILENT_WITHIN });
    let index = first_unused(&client, &values, restriction.as_ref(), &step)?;
    let name = (JOB.notation)(index);
    let expected = JOB.value(index).with_context(|| format!("failed to compute {name}"))?;
    let start = Instant::now();
    let body = format!(r#"{{"index":{index}}}"#);
    aws::wait_for(|| {
        let response = client.post(&values).header("Content-Type", "application/json").send(&body);
        match Response::read(response) {
            it if it.status == 200 => Ok(Some(())),
            // Submitting an index twice is harmless.
            it if it.is_temporary() && start.elapsed() < ANSWERS_WITHIN => Ok(None),
            it => bail!("{values} did not accept {index}: {} {}", it.status, it.body),
        }
    })?;
    step.is_doing(&format!("waiting for {name}"));
    let value =
        aws::wait_for(|| match Response::read(client.get(format!("{values}/{index}/digits")).call()) {
            it if it.status == 200 => Ok(Some(it.body)),
            it if (it.status == 202 || it.is_temporary()) && start.elapsed() < ANSWERS_WITHIN => Ok(None),
            it => bail!("{name} was not computed: {} {}", it.status, it.body),
        })?;
    if value != expected {
        bail!("{name} is wrong: expected {expected}, got {value}");
    }
    say(format!(
        "submitted {index} at {url}: {name} = {}, after {:.1} s",
        abbreviated(&value),
        start.elapsed().as_secs_f64()
    ));
    say(format!("fibstack is at {url}"));
    Ok(())
}

fn is_skipped(value: Option<&str>) -> Result<bool> {
    match value {
        None | Some("" | "false") => Ok(false),
        Some("true") => Ok(true),
        Some(other) => bail!("{SKIP} must be true or false, not {other}"),
    }
}

/// An address that accepts only some networks.
struct Restriction {
    from: String,
    /// Time within which it must respond.
    within: Duration,
}

impl Restriction {
    /// Fails if the address has been silent for too long.
    fn check(&self, values: &str, silent_since: Instant) -> Result<()> {
        if silent_since.elapsed() < self.within {
            return Ok(());
        }
        bail!(
            "everything is deployed and running, but {values} does not respond to this machine. It accepts only {}, to \
             which this machine probably does not belong (https://checkip.amazonaws.com shows its address). Accept \
             others with --allow-from; or deploy with {SKIP}=true, as GitHub's runners must",
            self.from
        )
    }
}

/// Waits until the address responds at all, which takes a while for a new load balancer or name, and returns the first
/// index that was not submitted yet.
fn first_unused(client: &Agent, values: &str, restriction: Option<&Restriction>, step: &Step) -> Result<u32> {
    let mut index = JOB.sample.index;
    let start = Instant::now();
    let mut silent_since = None;
    aws::wait_for(|| {
        loop {
            let called = Instant::now();
            let response = Response::read(client.get(format!("{values}/{index}")).call());
            match restriction {
                Some(restriction) if response.is_silent => {
                    restriction.check(values, *silent_since.get_or_insert(called))?;
                }
                _ => silent_since = None,
            }
            // A registrar's page for an unused domain is not JSON.
            match (response.status, response.body.starts_with('{')) {
                (404, true) => return Ok(Some(index)),
                (200, true) if index < JOB.sample.index + ATTEMPTS => index += 1,
                (200, true) => return Ok(Some(index)),
                (status, _) => {
                    let line = response.body.lines().next().unwrap_or_default();
                    let now = format!("{values} returns {status} {line}");
                    if start.elapsed() > ANSWERS_WITHIN {
                        let seconds = ANSWERS_WITHIN.as_secs();
                        bail!("{now} even after {seconds} s; see --status and --logs")
                    }
                    step.is_doing(&now);
                    return Ok(None);
                }
            }
        }
    })
}

/// Abbreviates a long value to its head, its tail and its length.
fn abbreviated(value: &str) -> String {
    let length = value.chars().count();
    if length <= 20 {
        return value.to_owned();
    }
    let head: String = value.chars().take(6).collect();
    let tail: String = value.chars().skip(length - 6).collect();
    format!("{head}…{tail}, {length} characters")
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn a_restricted_address_that_does_not_respond_is_explained() {
        // Connections are established, but nothing reads from them.
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let values = format!("http://{}/api/values", listener.local_addr().unwrap());
        let client =
            Agent::config_builder().timeout_global(Some(Duration::from_millis(50))).build().new_agent();
        let restriction = Restriction { from: "192.0.2.7/32".to_owned(), within: Duration::ZERO };
        let error = first_unused(&client, &values, Some(&restriction), &Step::begin("test")).unwrap_err();
        let error = error.to_string();
        for expected in ["everything is deployed", "accepts only 192.0.2.7/32", "SKIP_SMOKE_TEST=true"] {
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn the_smoke_test_is_skipped_only_on_request() {
        assert!(!is_skipped(None).unwrap() && !is_skipped(Some("")).unwrap());
        assert!(is_skipped(Some("true")).unwrap() && !is_skipped(Some("false")).unwrap());
        let error = is_skipped(Some("yes")).unwrap_err().to_string();
        assert_eq!(error, "SKIP_SMOKE_TEST must be true or false, not yes");
    }

    #[test]
    fn a_long_value_is_abbreviated() {
        assert_eq!(abbreviated("55"), "55");
        assert_eq!(abbreviated("354224848179261915075"), "354224…915075, 21 characters");
    }
}
