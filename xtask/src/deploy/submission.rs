//! The proof that a deployment works: an index submitted at its address, and its number.

use std::{
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

use crate::{
    aws,
    progress::{Step, say},
};

/// The first index that is tried. What was submitted by anybody is passed over, since it would prove little.
const FIRST: u64 = 1000;
const TRIES: u64 = 1000;

/// How long an address may take to answer, once everything behind it runs: names and load balancers are slow to hear.
const ANSWERS_WITHIN: Duration = Duration::from_secs(600);

/// An answer's status and body.
struct Answer {
    status: u16,
    body: String,
}

/// By curl, which knows https and is everywhere.
fn curl(arguments: &[&str]) -> Result<Answer> {
    let output = Command::new("curl")
        .args(["--silent", "--show-error", "--max-time", "20", "--write-out", "\n%{http_code}"])
        .args(arguments)
        .output()
        .context("curl does not run; is it installed?")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let (body, status) = text.rsplit_once('\n').unwrap_or(("", &text));
    // 000 when nothing answers; curl says why.
    let body = if output.status.success() { body.into() } else { String::from_utf8_lossy(&output.stderr) };
    Ok(Answer { status: status.trim().parse().unwrap_or(0), body: body.trim().to_owned() })
}

/// Submits an index that nobody has submitted yet, waits for its number, and checks and shows it.
pub(crate) fn prove(url: &str) -> Result<()> {
    let step = Step::begin("submission");
    let values = format!("{url}/api/values");
    step.is_doing("waiting for the first answer");
    let index = first_unused(&values, &step)?;
    let start = Instant::now();
    let body = format!(r#"{{"index":{index}}}"#);
    aws::wait_for(|| {
        let answer = curl(&["--header", "Content-Type: application/json", "--data", &body, &values])?;
        match answer.status {
            200 => Ok(Some(())),
            // Targets are changing. What comes twice is kept once.
            0 | 502..=504 if start.elapsed() < ANSWERS_WITHIN => Ok(None),
            other => bail!("{values} did not accept {index}: {other} {}", answer.body),
        }
    })?;
    step.is_doing(&format!("F({index}) was accepted"));
    let digits = aws::wait_for(|| {
        let answer = curl(&[&format!("{values}/{index}/digits")])?;
        match answer.status {
            200 => Ok(Some(answer.body)),
            // Not yet, or somebody between here and there has to get used to the new ones.
            202 | 0 | 502..=504 if start.elapsed() < ANSWERS_WITHIN => Ok(None),
            other => bail!("the digits of F({index}) do not come: {other} {}", answer.body),
        }
    })?;
    if !digits.ends_with(&last_digits(index)) {
        bail!("F({index}) came, and is wrong: …{}", &digits[digits.len().saturating_sub(9)..]);
    }
    let (head, tail) = (&digits[..6], &digits[digits.len() - 6..]);
    let seconds = start.elapsed().as_secs_f64();
    say(format!(
        "submitted {index} at {url}: F({index}) = {head}…{tail}, {} digits, after {seconds:.1} s",
        digits.len()
    ));
    say(format!("fibstack is at {url}"));
    Ok(())
}

/// Waits until the address answers at all, which takes a new load balancer or name a while.
fn first_unused(values: &str, step: &Step) -> Result<u64> {
    let mut index = FIRST;
    let start = Instant::now();
    aws::wait_for(|| {
        loop {
            let answer = curl(&[&format!("{values}/{index}")])?;
            match answer.status {
                404 if answer.body.starts_with('{') => return Ok(Some(index)),
                // Not what a registrar shows at a domain that is not used yet.
                200 if answer.body.starts_with('{') && index < FIRST + TRIES => index += 1,
                200 if answer.body.starts_with('{') => return Ok(Some(index)),
                other => {
                    let now = format!("{values} answers {other} {}", first_line(&answer.body));
                    if start.elapsed() > ANSWERS_WITHIN {
                        bail!(
                            "{now}, after {} s still; --status and --logs tell more",
                            ANSWERS_WITHIN.as_secs()
                        );
                    }
                    step.is_doing(&now);
                    return Ok(None);
                }
            }
        }
    })
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

/// The last nine digits of F(n), which sums without end would take a day to get wrong.
fn last_digits(index: u64) -> String {
    let pair = (0..index).fold((0u64, 1u64), |(a, b), _| (b, (a + b) % 1_000_000_000));
    format!("{:09}", pair.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_digits_are_those_of_the_number() {
        // OEIS A000045.
        assert_eq!(last_digits(10), "000000055");
        assert_eq!(last_digits(100), "261915075"); // 354224848179261915075
    }
}
