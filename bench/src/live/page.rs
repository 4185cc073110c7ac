//! The open page in Chromium, as the page itself measures it.

use std::{env, time::Duration};

use anyhow::{Context, Result};
use e2e::browser::{Browser, Scripts};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep, sleep_until},
};

use super::{System, submit};
use crate::programs;

/// Submits the indexes from the first argument up to the second one after another, and returns the milliseconds from
/// each submission until the page shows its value.
const UNTIL_VISIBLE: &str = r#"
    const [first, last, done] = arguments;
    const shown = index => document.querySelector(`.value[data-index="${index}"] .brief-value`);
    (async () => {
        const times = [];
        for (let index = first; index <= last; index++) {
            const start = performance.now();
            const visible = new Promise(resolve => {
                const observer = new MutationObserver(() => {
                    if (shown(index)) {
                        observer.disconnect();
                        resolve(performance.now() - start);
                    }
                });
                observer.observe(document.body, { childList: true, subtree: true });
            });
            const body = JSON.stringify({ index });
            const headers = { "Content-Type": "application/json" };
            await fetch("/api/values", { method: "POST", headers, body });
            times.push(await visible);
        }
        done(times);
    })();"#;
/// Notes the duration of each task on the main thread that takes more than 50 ms.
const OBSERVE_LONG_TASKS: &str = "window.longTasks = [];
    new PerformanceObserver(list => longTasks.push(...list.getEntries().map(task => task.duration)))
        .observe({ type: 'longtask' });";
/// Submissions of one script, which must end within the browser's time limit.
const GROUP: u32 = 50;
const BURST: u32 = 500;
const BURST_TIME: Duration = Duration::from_secs(1);

/// Returns the times from submission to a visible value, and the duration of the longest task during many submissions.
pub(super) async fn measure(submissions: u32) -> Result<(Vec<f64>, f64)> {
    let target = env::current_exe()?.ancestors().nth(2).context("not in a target folder")?.to_owned();
    let system = System::start(&[("LEPTOS_SITE_ROOT", &target.join("site").to_string_lossy())]).await?;
    let _worker = programs::worker(&system.redis)?;
    let (address, browser) = (system.nginx.address(), Browser::start(Scripts::On).await?);
    browser.driver.goto(format!("http://{address}/")).await?;
    browser.wait_until_live().await?;
    let mut times = Vec::new();
    for first in (1..=submissions).step_by(GROUP as usize) {
        let last = submissions.min(first + GROUP - 1);
        let arguments = vec![first.into(), last.into()];
        let measured = browser.driver.execute_async(UNTIL_VISIBLE, arguments).await?;
        times.extend(measured.convert::<Vec<f64>>()?);
    }
    browser.driver.execute(OBSERVE_LONG_TASKS, Vec::new()).await?;
    let start = Instant::now();
    let mut submitting = JoinSet::new();
    for index in 1..=BURST {
        submitting.spawn(async move { submit(address, "/api/values", submissions + index).await });
        sleep_until(start + BURST_TIME * index / BURST).await;
    }
    while let Some(submitted) = submitting.join_next().await {
        submitted??;
    }
    println!("{BURST} submissions took {:?}", start.elapsed());
    let last = format!(".value[data-index='{}'] .brief-value", submissions + BURST);
    browser.wait_for(&last).await?;
    // A task is reported after its end.
    sleep(Duration::from_secs(1)).await;
    let longest = browser.driver.execute("return Math.max(0, ...longTasks)", Vec::new()).await?.convert()?;
    browser.driver.clone().quit().await?;
    Ok((times, longest))
}
