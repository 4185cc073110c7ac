//! `cargo xtask deploy … --logs`: from CloudWatch for Fargate, from the instances for Beanstalk.

use std::{
    fs::File,
    io::{self, Write},
};

use anyhow::{Context, Result, ensure};
use xtask::{
    images::Part,
    progress::{Step, say},
    project,
};

use crate::{
    aws::{self, Refused},
    beanstalk, http,
    options::Amount,
    system::System,
};

/// Number of log streams shown: those of the containers that wrote last, of which a task has up to three.
const STREAMS: usize = 20;

/// Shows the logs of parts on Fargate, one stream after another.
pub(crate) fn fargate(system: &System, parts: &[Part], amount: Amount) -> Result<()> {
    for part in parts {
        let group = format!("/{}/{part}", system.name);
        let mut call = vec!["logs", "describe-log-streams", "--log-group-name", &group];
        call.extend(["--order-by", "LastEventTime", "--descending"]);
        call.extend((amount == Amount::Last).then_some("--no-paginate"));
        let mut streams: Vec<String> = match aws::query("logStreams[].logStreamName", &call) {
            Err(error) if Refused::is(&error, "ResourceNotFoundException") => {
                say(format!("{part} has no log: it is not on Fargate yet"));
                continue;
            }
            streams => streams?,
        };
        if amount == Amount::Last {
            streams.truncate(STREAMS);
        }
        for stream in streams {
            println!("\n{group} {stream}");
            show_stream(&group, &stream, amount)?;
        }
    }
    Ok(())
}

fn show_stream(group: &str, stream: &str, amount: Amount) -> Result<()> {
    let mut token = None;
    loop {
        let (lines, next) = match amount {
            Amount::Last => page(group, stream, "100", false, None)?,
            // The maximum per response.
            Amount::All => page(group, stream, "10000", true, token.as_deref())?,
        };
        lines.iter().for_each(|line| println!("  {line}"));
        // The last page refers to itself.
        if amount == Amount::Last || next.is_none() || next == token {
            return Ok(());
        }
        token = next;
    }
}

/// Returns the last lines of a task's log.
pub(crate) fn end_of_task(system: &System, part: Part, task: &str) -> Result<Vec<String>> {
    let group = format!("/{}/{part}", system.name);
    Ok(page(&group, &format!("ecs/{part}/{task}"), "8", false, None)?.0)
}

type Page = (Vec<String>, Option<String>);

fn page(group: &str, stream: &str, limit: &str, from_head: bool, token: Option<&str>) -> Result<Page> {
    let mut call = vec!["logs", "get-log-events", "--log-group-name", group, "--log-stream-name", stream];
    call.extend(["--limit", limit, if from_head { "--start-from-head" } else { "--no-start-from-head" }]);
    call.extend(token.into_iter().flat_map(|token| ["--next-token", token]));
    aws::query("[events[].message,nextForwardToken]", &call)
}

/// Shows the last 100 lines of each instance's logs, or downloads all of them as archives.
pub(crate) fn beanstalk(system: &System, amount: Amount) -> Result<()> {
    beanstalk::url(system)?;
    let kind = if amount == Amount::All { "bundle" } else { "tail" };
    let environment = ["--environment-name", system.name.as_str(), "--info-type", kind];
    let retrieve = [&["elasticbeanstalk", "retrieve-environment-info"][..], &environment].concat();
    let samples = || -> Result<Vec<(String, String, String)>> {
        aws::query("EnvironmentInfo[].[SampleTimestamp,Ec2InstanceId,Message]", &retrieve)
    };
    let earlier = samples()?;
    aws::call([&["elasticbeanstalk", "request-environment-info"][..], &environment].concat())?;
    let step = Step::begin("logs");
    step.is_doing("waiting for the instances");
    // Results of earlier requests are still listed, and each instance responds separately: wait until no more appear.
    let mut count = 0;
    let new = aws::wait_for(|| {
        let mut new = samples()?;
        new.retain(|sample| !earlier.contains(sample));
        let done = !new.is_empty() && new.len() == count;
        count = new.len();
        Ok(done.then_some(new))
    })?;
    drop(step);
    for (_, instance, url) in new {
        if amount == Amount::All {
            let file = project::root().join(format!("target/{}-{instance}-logs.zip", system.name));
            let output =
                File::create(&file).with_context(|| format!("failed to write {}", file.display()))?;
            fetch(&url, output)?;
            say(format!("the logs of {instance} are in {}", file.display()));
        } else {
            println!("\n--- {instance} ---");
            fetch(&url, io::stdout())?;
        }
    }
    Ok(())
}

/// Downloads a log. No error shows the address, which grants access to it for some minutes.
fn fetch(url: &str, mut to: impl Write) -> Result<()> {
    let response =
        http::client().get(url).call().map_err(|_| anyhow::anyhow!("failed to reach the store of the logs"));
    let mut response = response?;
    ensure!(response.status() == 200, "failed to fetch the logs: {}", response.status());
    io::copy(&mut response.body_mut().as_reader(), &mut to).context("failed to download the logs")?;
    Ok(())
}
