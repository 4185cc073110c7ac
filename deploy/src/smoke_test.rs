//! The smoke test after a deployment: submits an index at its address and verifies the value.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use job::JOB;
use ureq::Agent;
use xtask::progress::{Step, say};

use crate::{aws, http};

/// Time limit for an address to answer after everything behind it is running: DNS and load balancers are slow.
const ANSWERS_WITHIN: Duration = Duration::from_secs(600);
/// Maximum number of indexes tried to find one that nobody has submitted.
const ATTEMPTS: u32 = 1000;

struct Response {
    /// 0 if there was no response; the body is then the reason.
    status: u16,
    body: String,
}

impl Response {
    fn read(result: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Self {
        let read = result.and_then(|mut response| {
            let body = response.body_mut().read_to_string()?;
            Ok(Self { status: response.status().as_u16(), body: body.trim().to_owned() })
        });
        read.unwrap_or_else(|error| Self { status: 0, body: error.to_string() })
    }

    /// Returns true if a load balancer or proxy may answer this way while its targets change.
    fn is_temporary(&self) -> bool {
        matches!(self.status, 0 | 502..=504)
    }
}

/// Submits an index that nobody has submitted yet, waits for its value, verifies and shows it.
pub(crate) fn run(url: &str) -> Result<()> {
    let step = Step::begin("smoke test");
    let client = http::client();
    let values = format!("{url}/api/values");
    step.is_doing("waiting for the first response");
    let index = first_unused(&client, &values, &step)?;
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

/// Waits until the address answers at all, which takes a while for a new load balancer or name, and returns the first
/// index that was not submitted yet.
fn first_unused(client: &Agent, values: &str, step: &Step) -> Result<u32> {
    let mut index = JOB.sample.index;
    let start = Instant::now();
    aws::wait_for(|| {
        loop {
            let response = Response::read(client.get(format!("{values}/{index}")).call());
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

/// A long value as its head, its tail and its length.
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
    use super::*;

    #[test]
    fn a_long_value_is_abbreviated() {
        assert_eq!(abbreviated("55"), "55");
        assert_eq!(abbreviated("354224848179261915075"), "354224…915075, 21 characters");
    }
}
