//! What CloudWatch keeps of what was logged.

use anyhow::Result;

use super::System;
use crate::{aws, images::Part};

/// How much of it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Amount {
    /// Of each container this many lines.
    Last(u32),
    All,
}

/// Of containers that wrote something last; a task has up to three.
const CONTAINERS: usize = 20;

/// What the containers of a part on Fargate logged.
pub(crate) fn of_part(system: &System, part: Part, amount: Amount) -> Result<()> {
    of_group(&format!("/{}/{part}", system.name), amount)
}

/// The last lines of a task on Fargate.
pub(crate) fn last_of_task(system: &System, part: Part, task: &str) -> Result<Vec<String>> {
    let group = format!("/{}/{part}", system.name);
    Ok(page(&group, &format!("ecs/{part}/{task}"), "8", false, None)?.0)
}

/// What is in a log group, one stream after another.
pub(crate) fn of_group(group: &str, amount: Amount) -> Result<()> {
    let order = ["--order-by", "LastEventTime", "--descending", "--query", "logStreams[].logStreamName"];
    let mut call = vec!["logs", "describe-log-streams", "--log-group-name", group];
    if matches!(amount, Amount::Last(_)) {
        call.push("--no-paginate");
    }
    let mut streams = aws::words(call.into_iter().chain(order))?;
    let limit = match amount {
        Amount::Last(count) => {
            streams.truncate(CONTAINERS);
            count.to_string()
        }
        // As many as one answer can hold.
        Amount::All => "10000".to_owned(),
    };
    for stream in streams {
        println!("\n{group} {stream}");
        let mut token = None;
        loop {
            let (lines, next) =
                page(group, &stream, &limit, matches!(amount, Amount::All), token.as_deref())?;
            lines.iter().for_each(|line| println!("  {line}"));
            // The last page points to itself.
            if matches!(amount, Amount::Last(_)) || next.is_none() || next == token {
                break;
            }
            token = next;
        }
    }
    Ok(())
}

fn page(
    group: &str,
    stream: &str,
    limit: &str,
    from_head: bool,
    token: Option<&str>,
) -> Result<(Vec<String>, Option<String>)> {
    let mut call = vec!["logs", "get-log-events", "--log-group-name", group, "--log-stream-name", stream];
    call.extend(["--limit", limit, "--query", "[[nextForwardToken],events[].[message]]"]);
    call.push(if from_head { "--start-from-head" } else { "--no-start-from-head" });
    call.extend(token.into_iter().flat_map(|token| ["--next-token", token]));
    let text = aws::text(call)?;
    let mut lines = text.lines().map(str::to_owned);
    let next = lines.next().filter(|token| token != "None");
    Ok((lines.collect(), next))
}
